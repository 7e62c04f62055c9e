#include "multiformats/cid.hpp"

#include <cassert>
#include <limits>

#include "multiformats/take_varint.hpp"

namespace dm::multiformats {
namespace {

constexpr std::size_t v0_bytes = 34;
constexpr std::size_t v0_letters = 46;

bool starts_as_v0(byte_view data) {
    return data.size() >= 2 && data[0] == std::byte{0x12} && data[1] == std::byte{0x20};
}

}  // namespace

cid cid::v0(multihash hash) {
    assert(hash.code() == hash_code::sha2_256 && hash.digest().size() == 32);
    cid out(multiformats::codec::dag_pb, std::move(hash));
    out.version_ = 0;
    return out;
}

bytes cid::to_bytes() const {
    bytes out;
    out.reserve(encoded_size());
    append_to(out);
    return out;
}

void cid::append_to(bytes& out) const {
    if (version_ == 1) {
        append_varint(out, 1);
        append_varint(out, static_cast<std::uint64_t>(codec_));
    }
    hash_.append_to(out);
}

std::size_t cid::encoded_size() const noexcept {
    if (version_ == 0)
        return v0_bytes;
    std::size_t codec_size = 1;
    for (auto value = static_cast<std::uint32_t>(codec_); value >= 0x80; value >>= 7)
        ++codec_size;
    return 1 + codec_size + hash_.encoded_size();
}

std::string cid::to_string(multibase base) const {
    if (version_ == 0)
        return base58_encode(to_bytes());
    return multibase_encode(base, to_bytes());
}

result<decoded<cid>> read_cid(byte_view data) {
    if (starts_as_v0(data)) {
        if (data.size() < v0_bytes)
            return fail(errc::truncated);
        return decoded<cid>{cid::v0({hash_code::sha2_256, data.subspan(2, v0_bytes - 2)}),
                            v0_bytes};
    }
    auto rest = data;
    const auto version = take_varint(rest);
    if (!version)
        return std::unexpected(version.error());
    if (*version == 0x12 && rest.empty())
        return fail(errc::truncated);  // half of what a version 0 CID starts with
    if (*version != 1)
        return fail(errc::malformed_cid, "CID version is not supported");
    const auto code = take_varint(rest);
    if (!code)
        return std::unexpected(code.error());
    if (*code > std::numeric_limits<std::uint32_t>::max())
        return fail(errc::malformed_cid, "CID codec is not supported");
    auto hash = read_multihash(rest);
    if (!hash)
        return std::unexpected(std::move(hash.error()));
    return decoded<cid>{{static_cast<codec>(*code), std::move(hash->value)},
                        data.size() - rest.size() + hash->size};
}

result<cid> parse_cid(byte_view data) {
    auto read = read_cid(data);
    if (!read)
        return std::unexpected(std::move(read.error()));
    if (read->size != data.size())
        return fail(errc::malformed_cid);
    return std::move(read->value);
}

result<cid> parse_cid(std::string_view text) {
    if (text.size() > cid_text_max)
        return fail(errc::too_long, "CID is too long");
    if (text.size() == v0_letters && text.starts_with("Qm")) {
        const auto binary = base58_decode(text);
        if (!binary || binary->size() != v0_bytes || !starts_as_v0(*binary))
            return fail(errc::malformed_cid);
        return parse_cid(byte_view{*binary});
    }
    const auto binary = multibase_decode(text);
    if (!binary)
        return fail(errc::malformed_cid);
    // A version 0 CID has one text form only.
    if (starts_as_v0(binary->value))
        return fail(errc::malformed_cid, "CID of version 0 in a multibase");
    auto out = parse_cid(byte_view{binary->value});
    if (!out)
        return fail(errc::malformed_cid, "not a CID: " + out.error().message());
    return out;
}

std::optional<byte_view> inlined_block(const cid& c) noexcept {
    if (c.hash().code() != hash_code::identity)
        return std::nullopt;
    return c.hash().digest();
}

}  // namespace dm::multiformats
