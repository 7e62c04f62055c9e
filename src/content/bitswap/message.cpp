#include "content/bitswap/message.hpp"

#include <algorithm>

#include "base/varint.hpp"
#include "multiformats/protobuf.hpp"
#include "multiformats/take_varint.hpp"

namespace dm::bitswap {
namespace {

using multiformats::append_proto_bytes;
using multiformats::append_proto_header;
using multiformats::append_proto_varint;
using multiformats::codec;
using multiformats::hash_code;
using multiformats::proto_field;
using multiformats::proto_varint_size;
using multiformats::wire_type;

constexpr std::uint32_t message_wantlist = 1;
constexpr std::uint32_t message_bare_block = 2;
constexpr std::uint32_t message_block = 3;
constexpr std::uint32_t message_presence = 4;
constexpr std::uint32_t message_pending_bytes = 5;
constexpr std::uint32_t wantlist_entry = 1;
constexpr std::uint32_t wantlist_full = 2;
constexpr std::uint32_t entry_cid = 1;
constexpr std::uint32_t entry_priority = 2;
constexpr std::uint32_t entry_cancel = 3;
constexpr std::uint32_t entry_type = 4;
constexpr std::uint32_t entry_send_dont_have = 5;
constexpr std::uint32_t block_prefix_field = 1;
constexpr std::uint32_t block_data = 2;
constexpr std::uint32_t presence_cid = 1;
constexpr std::uint32_t presence_type = 2;

constexpr block_prefix bare_block_prefix{0, codec::dag_pb, hash_code::sha2_256, 32};

/// Calls `take` for each field; it returns errors.
template <class Take>
result<void> for_each_field(byte_view data, Take take) {
    return multiformats::for_each_field(data, errc::malformed_message, std::move(take));
}

/// Errors: malformed_message unless the field has the type.
result<void> expect(const proto_field& field, wire_type type) {
    return multiformats::expect_type(field, type, errc::malformed_message);
}

std::int32_t to_int32(std::uint64_t value) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

/// The CID, or nullopt when nobody may ask for it.
result<std::optional<cid>> take_cid(byte_view data) {
    auto id = multiformats::parse_cid(data);
    if (id)
        return is_exchangeable(*id) ? std::optional(*std::move(id)) : std::nullopt;
    if (id.error().code == multiformats::errc::unsupported_hash ||
        id.error().code == multiformats::errc::too_long)
        return std::nullopt;
    return fail(errc::malformed_message, id.error().message());
}

result<void> take_want(message& m, byte_view data) {
    want w;
    byte_view id;
    const auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == entry_cid) {
            id = f.data;
            return expect(f, wire_type::bytes);
        }
        if (f.number < entry_priority || f.number > entry_send_dont_have)
            return {};
        if (f.number == entry_priority)
            w.priority = to_int32(f.value);
        else if (f.number == entry_cancel)
            w.cancel = f.value != 0;
        else if (f.number == entry_type)
            w.type = f.value == 1 ? want_type::have : want_type::block;
        else
            w.send_dont_have = f.value != 0;
        return expect(f, wire_type::varint);
    });
    if (!ok)
        return ok;
    auto parsed = take_cid(id);
    if (!parsed)
        return fail(parsed.error());
    if (*parsed) {
        w.id = **std::move(parsed);
        m.wants.push_back(std::move(w));
    }
    return {};
}

result<void> take_wantlist(message& m, byte_view data) {
    return for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == wantlist_full) {
            m.full = f.value != 0;
            return expect(f, wire_type::varint);
        }
        if (f.number != wantlist_entry)
            return {};
        if (auto ok = expect(f, wire_type::bytes); !ok)
            return ok;
        return take_want(m, f.data);
    });
}

result<block_prefix> take_prefix(byte_view data) {
    std::uint64_t parts[4];
    for (auto& part : parts) {
        const auto value = multiformats::take_varint(data);
        if (!value)
            return fail(errc::malformed_block, "prefix: " + value.error().message());
        part = *value;
    }
    const auto [version, code, hash, size] = parts;
    if (!data.empty() || version > 1 || code > UINT32_MAX || hash > UINT32_MAX ||
        size > multiformats::multihash_digest_max)
        return fail(errc::malformed_block, "prefix");
    const block_prefix out{static_cast<int>(version), static_cast<codec>(code),
                           static_cast<hash_code>(hash), size};
    if (out.version == 0 && out != bare_block_prefix)
        return fail(errc::malformed_block, "prefix of version 0");
    return out;
}

result<void> take_block(message& m, byte_view data) {
    block b;
    byte_view prefix;
    const auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == block_prefix_field)
            prefix = f.data;
        else if (f.number == block_data)
            b.data = f.data;
        else
            return {};
        return expect(f, wire_type::bytes);
    });
    if (!ok)
        return ok;
    const auto read = take_prefix(prefix);
    if (!read)
        return fail(read.error());
    if (b.data.size() > block_bytes_max)
        return fail(errc::malformed_block, "over 2 MiB");
    b.prefix = *read;
    m.blocks.push_back(b);
    return {};
}

result<void> take_presence(message& m, byte_view data) {
    byte_view id;
    bool have = true;
    const auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == presence_cid) {
            id = f.data;
            return expect(f, wire_type::bytes);
        }
        if (f.number != presence_type)
            return {};
        have = f.value == 0;
        return expect(f, wire_type::varint);
    });
    if (!ok)
        return ok;
    auto parsed = take_cid(id);
    if (!parsed)
        return fail(parsed.error());
    if (*parsed)
        m.presences.push_back({**std::move(parsed), have});
    return {};
}

std::size_t content_size(const want& w) noexcept {
    const auto id = w.id.encoded_size();
    return 1 + proto_varint_size(id) + id + 1 +
           proto_varint_size(static_cast<std::uint64_t>(std::int64_t{w.priority})) +
           (w.cancel ? 2u : 0u) + (w.type == want_type::have ? 2u : 0u) +
           (w.send_dont_have ? 2u : 0u);
}

std::size_t content_size(const presence& p) noexcept {
    const auto id = p.id.encoded_size();
    return 1 + proto_varint_size(id) + id + (p.have ? 0u : 2u);
}

std::size_t prefix_size(const block_prefix& p) noexcept {
    return proto_varint_size(static_cast<std::uint64_t>(p.version)) +
           proto_varint_size(static_cast<std::uint32_t>(p.codec)) +
           proto_varint_size(static_cast<std::uint32_t>(p.hash)) +
           proto_varint_size(p.digest_bytes);
}

std::size_t content_size(const block& b) noexcept {
    const auto prefix = prefix_size(b.prefix);
    return 1 + proto_varint_size(prefix) + prefix + 1 + proto_varint_size(b.data.size()) +
           b.data.size();
}

std::size_t field_size(std::size_t content) noexcept {
    return 1 + proto_varint_size(content) + content;
}

bool has_form(const want& w, version v) {
    return v == version::v1_2 || w.type == want_type::block;
}

void append_want(bytes& out, const want& w, version v) {
    const auto dont_have = w.send_dont_have && v == version::v1_2;
    const auto size = content_size(w) - (w.send_dont_have && !dont_have ? 2 : 0);
    append_proto_header(out, wantlist_entry, size);
    append_proto_header(out, entry_cid, w.id.encoded_size());
    w.id.append_to(out);
    append_proto_varint(out, entry_priority, static_cast<std::uint64_t>(std::int64_t{w.priority}));
    if (w.cancel)
        append_proto_varint(out, entry_cancel, 1);
    if (w.type == want_type::have)
        append_proto_varint(out, entry_type, 1);
    if (dont_have)
        append_proto_varint(out, entry_send_dont_have, 1);
}

void append_block(bytes& out, const block& b, version v) {
    if (v == version::v1_0) {
        append_proto_bytes(out, message_bare_block, b.data);
        return;
    }
    append_proto_header(out, message_block, content_size(b));
    append_proto_header(out, block_prefix_field, prefix_size(b.prefix));
    append_varint(out, static_cast<std::uint64_t>(b.prefix.version));
    append_varint(out, static_cast<std::uint32_t>(b.prefix.codec));
    append_varint(out, static_cast<std::uint32_t>(b.prefix.hash));
    append_varint(out, b.prefix.digest_bytes);
    append_proto_bytes(out, block_data, b.data);
}

void append_presence(bytes& out, const presence& p) {
    append_proto_header(out, message_presence, content_size(p));
    append_proto_header(out, presence_cid, p.id.encoded_size());
    p.id.append_to(out);
    if (!p.have)
        append_proto_varint(out, presence_type, 1);
}

}  // namespace

block_prefix prefix_of(const cid& id) noexcept {
    return {id.version(), id.codec(), id.hash().code(), id.hash().digest().size()};
}

result<cid> cid_of(const block_prefix& prefix, byte_view data) {
    auto hash = multiformats::hash_content(prefix.hash, data);
    if (!hash)
        return fail(hash.error());
    const auto digest = hash->digest();
    if (prefix.digest_bytes > digest.size() ||
        prefix.digest_bytes < std::min(digest.size(), multiformats::trusted_digest_min))
        return fail(errc::malformed_block, "length of its digest");
    if (prefix.digest_bytes < digest.size())
        hash = multiformats::multihash(prefix.hash, digest.first(prefix.digest_bytes));
    if (prefix.version == 0)
        return cid::v0(*std::move(hash));
    return cid(prefix.codec, *std::move(hash));
}

result<message> decode_message(byte_view data) {
    message m;
    const auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == message_pending_bytes) {
            m.pending_bytes = to_int32(f.value);
            return expect(f, wire_type::varint);
        }
        if (f.number > message_pending_bytes)
            return {};
        if (auto typed = expect(f, wire_type::bytes); !typed)
            return typed;
        if (f.number == message_wantlist)
            return take_wantlist(m, f.data);
        if (f.number == message_block)
            return take_block(m, f.data);
        if (f.number == message_presence)
            return take_presence(m, f.data);
        if (f.data.size() > block_bytes_max)
            return fail(errc::malformed_block, "over 2 MiB");
        m.blocks.push_back({bare_block_prefix, f.data});
        return {};
    });
    if (!ok)
        return fail(ok.error());
    return m;
}

bytes encode_message(const message& m, version v) {
    bytes wantlist;
    for (const auto& w : m.wants)
        if (has_form(w, v))
            append_want(wantlist, w, v);
    if (m.full)
        append_proto_varint(wantlist, wantlist_full, 1);
    std::size_t size = field_size(wantlist.size());
    for (const auto& b : m.blocks)
        size += encoded_size(b);
    bytes out;
    out.reserve(size + m.presences.size() * 48 + 16);
    append_proto_bytes(out, message_wantlist, wantlist);
    for (const auto& b : m.blocks)
        append_block(out, b, v);
    if (v == version::v1_2)
        for (const auto& p : m.presences)
            append_presence(out, p);
    if (m.pending_bytes != 0 && v == version::v1_2)
        append_proto_varint(out, message_pending_bytes,
                            static_cast<std::uint64_t>(std::int64_t{m.pending_bytes}));
    return out;
}

std::size_t encoded_size(const want& w) noexcept {
    return field_size(content_size(w));
}
std::size_t encoded_size(const presence& p) noexcept {
    return field_size(content_size(p));
}
std::size_t encoded_size(const block& b) noexcept {
    return field_size(content_size(b));
}

bool is_exchangeable(const cid& id) noexcept {
    return id.encoded_size() <= cid_bytes_max && id.hash().code() != hash_code::identity &&
           multiformats::is_trusted(id.hash());
}

}  // namespace dm::bitswap
