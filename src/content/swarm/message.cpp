#include "content/swarm/message.hpp"

#include <algorithm>

#include "base/varint.hpp"
#include "multiformats/protobuf.hpp"

namespace dm::swarm {
namespace {

namespace mf = multiformats;

enum field : std::uint32_t {
    f_channel = 1,
    f_leaf = 2,
    f_data = 3,
    f_offset = 4,
    f_digest = 5,
    f_size = 6,
    f_source = 7,
    f_wants = 8,
    f_directs = 9,
    f_runs = 10,
};

/// What the fields of any message can be; each kind takes its own from it.
struct fields {
    std::uint64_t channel = 0;
    std::optional<std::uint64_t> leaf;
    std::uint64_t offset = 0;
    byte_view data;
    byte_view digest;
    std::optional<std::uint64_t> size;
    bool source = false;
    bool wants = false;
    bool directs = false;
    byte_view runs;
};

std::unexpected<error> malformed(const char* what) {
    return fail(errc::malformed_message, what);
}

result<fields> read_fields(byte_view body) {
    fields out;
    mf::proto_reader reader(body);
    for (;;) {
        const auto next = reader.next();
        if (!next)
            return malformed("broken protobuf");
        if (!*next)
            break;
        const auto& f = **next;
        const bool number = f.type == mf::wire_type::varint;
        const bool data = f.type == mf::wire_type::bytes;
        if (f.number == f_channel && number)
            out.channel = f.value;
        else if (f.number == f_leaf && number)
            out.leaf = f.value;
        else if (f.number == f_offset && number)
            out.offset = f.value;
        else if (f.number == f_data && data)
            out.data = f.data;
        else if (f.number == f_digest && data)
            out.digest = f.data;
        else if (f.number == f_size && number)
            out.size = f.value;
        else if (f.number == f_source && number)
            out.source = f.value != 0;
        else if (f.number == f_wants && number)
            out.wants = f.value != 0;
        else if (f.number == f_directs && number)
            out.directs = f.value != 0;
        else if (f.number == f_runs && data)
            out.runs = f.data;
    }
    if (out.channel >= channels_max)
        return fail(errc::too_large, "channel number");
    if (out.leaf.value_or(0) > blob_bytes_max / leaf_bytes || out.offset > leaf_bytes)
        return fail(errc::too_large, "leaf number");
    if (out.size.value_or(0) > blob_bytes_max)
        return fail(errc::too_large, "blob size");
    return out;
}

result<leaf_runs> read_runs(byte_view data) {
    leaf_runs out;
    std::uint64_t end = 0;
    while (!data.empty()) {
        const auto skip = mf::take_proto_varint(data);
        const auto length = mf::take_proto_varint(data);
        if (!skip || !length)
            return malformed("broken runs");
        if (*skip > blob_bytes_max || *length > blob_bytes_max || out.runs.size() == runs_max)
            return fail(errc::too_large, "runs");
        end += *skip + *length;
        if (end > blob_bytes_max / leaf_bytes)
            return fail(errc::too_large, "runs");
        out.runs.push_back(
            {static_cast<std::uint32_t>(*skip), static_cast<std::uint32_t>(*length)});
    }
    return out;
}

result<crypto::digest> read_digest(byte_view data) {
    using crypto::hash_algorithm;
    for (const auto a : {hash_algorithm::sha256, hash_algorithm::sha512})
        if (data.size() == crypto::digest_size(a))
            return crypto::digest(a, data);
    return malformed("digest of an unknown length");
}

void append_runs(bytes& out, const leaf_runs& runs) {
    bytes packed;
    for (const auto& r : runs.runs) {
        append_varint(packed, r.skip);
        append_varint(packed, r.length);
    }
    if (!packed.empty())
        mf::append_proto_bytes(out, f_runs, packed);
}

void append_number(bytes& out, std::uint32_t number, std::uint64_t value) {
    if (value != 0)
        mf::append_proto_varint(out, number, value);
}

struct body_writer {
    bytes& out;

    void operator()(const hello& m) const { append_number(out, f_size, m.version); }
    void operator()(const join& m) const {
        append_number(out, f_channel, m.channel);
        mf::append_proto_bytes(out, f_digest, m.digest.value());
        if (m.size_known)
            mf::append_proto_varint(out, f_size, m.size);
        append_number(out, f_source, m.as == role::source);
        append_number(out, f_wants, m.wants);
        append_number(out, f_directs, m.directs);
        append_runs(out, m.leaves);
    }
    void operator()(const leave& m) const { append_number(out, f_channel, m.channel); }
    void operator()(const have& m) const {
        append_number(out, f_channel, m.channel);
        append_runs(out, m.leaves);
    }
    void operator()(const ask_leaves& m) const {
        append_number(out, f_channel, m.channel);
        append_number(out, f_leaf, m.first);
    }
    void operator()(const leaves& m) const {
        append_number(out, f_channel, m.channel);
        append_number(out, f_leaf, m.first);
        mf::append_proto_header(out, f_data, m.hashes.size() * sizeof(leaf_hash));
        for (const auto& h : m.hashes)
            append(out, byte_view(h));
    }
    void operator()(const ask_leaf& m) const { channel_and_leaf(m.channel, m.leaf); }
    void operator()(const ask_any_leaf& m) const {
        append_number(out, f_channel, m.channel);
        if (m.from)
            mf::append_proto_varint(out, f_leaf, *m.from);
    }
    void operator()(const cancel_leaf& m) const { channel_and_leaf(m.channel, m.leaf); }
    void operator()(const refuse_leaf& m) const { channel_and_leaf(m.channel, m.leaf); }
    void operator()(const no_more_leaves& m) const { append_number(out, f_channel, m.channel); }
    void operator()(const chosen_leaf& m) const {
        channel_and_leaf(m.channel, m.leaf);
        mf::append_proto_bytes(out, f_data, m.hash);
    }
    void operator()(const piece& m) const {
        channel_and_leaf(m.channel, m.leaf);
        append_number(out, f_offset, m.offset);
        mf::append_proto_bytes(out, f_data, m.data);
    }
    void channel_and_leaf(channel_no channel, std::uint32_t leaf) const {
        append_number(out, f_channel, channel);
        append_number(out, f_leaf, leaf);
    }
};

constexpr std::uint32_t kind_of(const message& m) {
    return static_cast<std::uint32_t>(m.index()) + 1;
}
constexpr std::uint32_t piece_kind = 13;
static_assert(std::variant_size_v<message> == piece_kind);

result<message> read_join(const fields& f) {
    auto digest = read_digest(f.digest);
    if (!digest)
        return fail(std::move(digest.error()));
    auto runs = read_runs(f.runs);
    if (!runs)
        return fail(std::move(runs.error()));
    return join{
        static_cast<channel_no>(f.channel),      *digest, f.size.value_or(0), f.size.has_value(),
        f.source ? role::source : role::partner, f.wants, f.directs,          *std::move(runs)};
}

result<message> read_leaves(const fields& f) {
    if (f.data.size() % sizeof(leaf_hash) != 0)
        return malformed("broken list of hashes");
    if (f.data.size() / sizeof(leaf_hash) > hashes_max)
        return fail(errc::too_large, "list of hashes");
    leaves out{
        static_cast<channel_no>(f.channel), static_cast<std::uint32_t>(f.leaf.value_or(0)), {}};
    for (std::size_t at = 0; at < f.data.size(); at += sizeof(leaf_hash))
        std::ranges::copy(f.data.subspan(at, sizeof(leaf_hash)), out.hashes.emplace_back().begin());
    return out;
}

}  // namespace

leaf_runs leaf_runs::of(const leaf_set& set) {
    leaf_runs out;
    std::uint32_t done = 0;
    for (std::uint32_t i = 0; i < set.size();) {
        if (!set.test(i)) {
            ++i;
            continue;
        }
        auto end = i + 1;
        while (set.test(end))
            ++end;
        out.runs.push_back({i - done, end - i});
        i = done = end;
    }
    return out;
}

void leaf_runs::add_to(leaf_set& set) const {
    std::uint64_t at = 0;
    for (const auto& r : runs) {
        at += r.skip;
        if (at >= set.size())
            return;
        set.set_range(static_cast<std::uint32_t>(at), r.length);
        at += r.length;
    }
}

void encode(bytes& out, const message& m) {
    bytes body;
    std::visit(body_writer{body}, m);
    bytes whole;
    mf::append_proto_bytes(whole, kind_of(m), body);
    append_varint(out, whole.size());
    append(out, byte_view(whole));
}

void encode_head(bytes& out, const piece& p, std::size_t data_bytes) {
    bytes head;
    append_number(head, f_channel, p.channel);
    append_number(head, f_leaf, p.leaf);
    append_number(head, f_offset, p.offset);
    mf::append_proto_header(head, f_data, data_bytes);
    bytes outer;
    mf::append_proto_header(outer, piece_kind, head.size() + data_bytes);
    append_varint(out, outer.size() + head.size() + data_bytes);
    append(out, byte_view(outer));
    append(out, byte_view(head));
}

std::optional<piece_head> read_piece_head(byte_view front, std::size_t message_bytes) {
    const auto whole = front.size();
    const auto rest_bytes = [&] { return message_bytes - (whole - front.size()); };
    if (mf::take_proto_varint(front) != (std::uint64_t{piece_kind} << 3 | 2))
        return std::nullopt;
    if (const auto length = mf::take_proto_varint(front);
        whole - front.size() > message_bytes || length != rest_bytes())
        return std::nullopt;
    std::array<std::uint64_t, 3> numbers{};
    constexpr std::array<std::uint64_t, 3> keys{f_channel << 3, f_leaf << 3, f_offset << 3};
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (front.empty() || to_u8(front[0]) != keys[i])
            continue;
        front = front.subspan(1);
        const auto value = mf::take_proto_varint(front);
        if (!value)
            return std::nullopt;
        numbers[i] = *value;
    }
    const auto key = mf::take_proto_varint(front);
    const auto length = mf::take_proto_varint(front);
    const auto head = whole - front.size();
    if (key != (std::uint64_t{f_data} << 3 | 2) || !length || head > message_bytes ||
        *length != message_bytes - head)
        return std::nullopt;
    const auto& [channel, leaf, offset] = numbers;
    if (channel >= channels_max || leaf > blob_bytes_max / leaf_bytes || offset > leaf_bytes ||
        *length > piece_bytes_max)
        return std::nullopt;
    return piece_head{static_cast<channel_no>(channel), static_cast<std::uint32_t>(leaf),
                      static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(*length),
                      head};
}

result<std::optional<message>> decode(byte_view data) {
    if (data.size() > message_bytes_max)
        return fail(errc::too_large, "message");
    mf::proto_reader reader(data);
    const auto first = reader.next();
    if (!first || !*first || (*first)->type != mf::wire_type::bytes || !reader.rest().empty())
        return malformed("not one field");
    const auto kind = (*first)->number;
    if (kind == 0 || kind > std::variant_size_v<message>)
        return std::nullopt;
    const auto read = read_fields((*first)->data);
    if (!read)
        return fail(read.error());
    const auto& f = *read;
    const auto channel = static_cast<channel_no>(f.channel);
    const auto leaf = static_cast<std::uint32_t>(f.leaf.value_or(0));
    switch (kind) {
        case 1:
            return hello{static_cast<std::uint32_t>(f.size.value_or(0))};
        case 2:
            return read_join(f);
        case 3:
            return leave{channel};
        case 4: {
            auto runs = read_runs(f.runs);
            if (!runs)
                return fail(std::move(runs.error()));
            return have{channel, *std::move(runs)};
        }
        case 5:
            return ask_leaves{channel, leaf};
        case 6:
            return read_leaves(f);
        case 7:
            return ask_leaf{channel, leaf};
        case 8:
            return ask_any_leaf{channel, f.leaf ? std::optional(leaf) : std::nullopt};
        case 9:
            return cancel_leaf{channel, leaf};
        case 10:
            return refuse_leaf{channel, leaf};
        case 11:
            return no_more_leaves{channel};
        case 12: {
            chosen_leaf out{channel, leaf, {}};
            if (f.data.size() != out.hash.size())
                return malformed("hash of a wrong length");
            std::ranges::copy(f.data, out.hash.begin());
            return out;
        }
        default:
            if (f.data.size() > piece_bytes_max || f.offset + f.data.size() > leaf_bytes)
                return fail(errc::too_large, "piece");
            return piece{channel, leaf, static_cast<std::uint32_t>(f.offset), f.data};
    }
}

}  // namespace dm::swarm
