#include "mesh/crdt/block.hpp"

#include <algorithm>

#include "content/unixfs/dag_pb.hpp"
#include "multiformats/protobuf.hpp"

namespace dm::crdt {
namespace {

using multiformats::append_proto_bytes;
using multiformats::append_proto_varint;
using multiformats::proto_field;
using multiformats::proto_reader;
using multiformats::wire_type;

constexpr std::uint32_t delta_elements = 1;
constexpr std::uint32_t delta_tombstones = 2;
constexpr std::uint32_t delta_priority = 3;
constexpr std::uint32_t element_key = 1;
constexpr std::uint32_t element_id = 2;
constexpr std::uint32_t element_value = 3;
constexpr std::uint32_t broadcast_heads = 1;
constexpr std::uint32_t head_cid = 1;

std::unexpected<error> malformed(std::string why) {
    return fail(errc::malformed_block, std::move(why));
}

void append_element(bytes& out, std::uint32_t number, const element& e) {
    bytes one;
    if (!e.key.empty())
        append_proto_bytes(one, element_key, as_bytes(e.key));
    if (!e.id.empty())
        append_proto_bytes(one, element_id, as_bytes(e.id));
    if (!e.value.empty())
        append_proto_bytes(one, element_value, as_bytes(e.value));
    append_proto_bytes(out, number, one);
}

result<element> decode_element(byte_view data) {
    element out;
    proto_reader reader(data);
    for (;;) {
        const auto f = reader.next();
        if (!f)
            return malformed(f.error().message());
        if (!*f)
            break;
        const auto number = (*f)->number;
        if (number < element_key || number > element_value)
            continue;
        if ((*f)->type != wire_type::bytes)
            return malformed("a field of an element has the wrong type");
        (number == element_key  ? out.key
         : number == element_id ? out.id
                                : out.value) = as_chars((*f)->data);
    }
    if (out.key.size() > key_bytes_max)
        return malformed("a key is too long");
    return out;
}

}  // namespace

bytes encode_delta(const delta& d) {
    bytes out;
    for (const auto& e : d.elements)
        append_element(out, delta_elements, e);
    for (const auto& e : d.tombstones)
        append_element(out, delta_tombstones, e);
    if (d.priority != 0)
        append_proto_varint(out, delta_priority, d.priority);
    return out;
}

result<delta> decode_delta(byte_view data) {
    delta out;
    proto_reader reader(data);
    for (;;) {
        const auto f = reader.next();
        if (!f)
            return malformed(f.error().message());
        if (!*f)
            return out;
        const auto number = (*f)->number;
        if (number < delta_elements || number > delta_priority)
            continue;
        if ((*f)->type != (number == delta_priority ? wire_type::varint : wire_type::bytes))
            return malformed("a field of a delta has the wrong type");
        if (number == delta_priority) {
            out.priority = (*f)->value;
            continue;
        }
        auto e = decode_element((*f)->data);
        if (!e)
            return fail(std::move(e.error()));
        if (out.elements.size() + out.tombstones.size() >= changes_max)
            return malformed("too many changes");
        (number == delta_elements ? out.elements : out.tombstones).push_back(*std::move(e));
    }
}

bytes encode_node(const node& n) {
    bytes out;
    for (const auto& link : n.links)
        unixfs::append_dag_pb_link(out, link, "", 0);
    unixfs::append_dag_pb_data(out, encode_delta(n.delta));
    return out;
}

result<node> decode_node(byte_view block) {
    if (block.size() > block_bytes_max)
        return malformed("too large");
    const auto pb = unixfs::decode_dag_pb(block);
    if (!pb)
        return malformed(pb.error().message());
    auto d = decode_delta(pb->data.value_or(byte_view{}));
    if (!d)
        return fail(std::move(d.error()));
    if (d->priority == 0 || d->priority > height_max)
        return malformed("impossible height");
    node out{.links = {}, .delta = *std::move(d)};
    for (const auto& link : pb->links) {
        if (!is_block_cid(link.target))
            return malformed("a link of another kind");
        out.links.push_back(link.target);
    }
    return out;
}

bool is_block_cid(const cid& id) noexcept {
    return id.version() == 1 && id.codec() == multiformats::codec::dag_pb &&
           id.hash().code() == multiformats::hash_code::sha2_256 && id.hash().digest().size() == 32;
}

cid cid_of(byte_view block) {
    return cid::of(multiformats::codec::dag_pb, block);
}

std::string block_id(const cid& block) {
    auto out = multiformats::multibase_encode(multiformats::multibase::base32_upper,
                                              block.hash().to_bytes());
    out.front() = '/';  // in the place of the prefix letter
    return out;
}

std::optional<cid> block_of_id(std::string_view id) {
    if (!id.starts_with('/') || id.size() != 56)
        return std::nullopt;
    const auto raw = multiformats::base32_decode(id.substr(1));
    if (!raw)
        return std::nullopt;
    const auto hash = multiformats::parse_multihash(*raw);
    if (!hash)
        return std::nullopt;
    cid out(multiformats::codec::dag_pb, *hash);
    if (!is_block_cid(out) || block_id(out) != id)
        return std::nullopt;
    return out;
}

bytes encode_broadcast(const std::vector<cid>& heads) {
    bytes out;
    for (const auto& head : heads) {
        bytes one;
        append_proto_bytes(one, head_cid, head.to_bytes());
        append_proto_bytes(out, broadcast_heads, one);
    }
    return out;
}

result<std::vector<cid>> decode_broadcast(byte_view data) {
    std::vector<cid> out;
    const auto take = [&](byte_view raw) {
        const auto id = multiformats::parse_cid(raw);
        if (id && is_block_cid(*id) && out.size() < broadcast_heads_max)
            out.push_back(*id);
        return id.has_value();
    };
    if (take(data))
        return out;
    proto_reader reader(data);
    for (;;) {
        const auto f = reader.next();
        if (!f)
            return fail(errc::malformed_broadcast, f.error().message());
        if (!*f)
            return out;
        if ((*f)->number != broadcast_heads || (*f)->type != wire_type::bytes)
            return fail(errc::malformed_broadcast, "an unknown field");
        proto_reader head((*f)->data);
        bool is_named = false;
        for (;;) {
            const auto h = head.next();
            if (!h)
                return fail(errc::malformed_broadcast, h.error().message());
            if (!*h)
                break;
            if ((*h)->number != head_cid)
                continue;
            if ((*h)->type != wire_type::bytes || !take((*h)->data))
                return fail(errc::malformed_broadcast, "a head is no CID");
            is_named = true;
        }
        if (!is_named)
            return fail(errc::malformed_broadcast, "a head without a CID");
    }
}

}  // namespace dm::crdt
