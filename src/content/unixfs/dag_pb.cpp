#include "content/unixfs/dag_pb.hpp"

#include "multiformats/protobuf.hpp"

namespace dm::unixfs {
namespace {

using multiformats::append_proto_bytes;
using multiformats::append_proto_header;
using multiformats::append_proto_varint;
using multiformats::for_each_field;
using multiformats::proto_field;
using multiformats::proto_varint_size;
using multiformats::wire_type;

constexpr std::uint32_t node_data = 1;
constexpr std::uint32_t node_links = 2;
constexpr std::uint32_t link_hash = 1;
constexpr std::uint32_t link_name = 2;
constexpr std::uint32_t link_tsize = 3;

/// Bytes of a field with a one-byte tag and so many bytes of content.
std::size_t field_size(std::size_t content) {
    return 1 + proto_varint_size(content) + content;
}

/// Size of a link's message, without its own tag and length.
std::size_t link_content_size(const dag_pb_link& link) {
    return field_size(link.target.encoded_size()) +
           (link.name ? field_size(link.name->size()) : 0) +
           (link.tsize ? 1 + proto_varint_size(*link.tsize) : 0);
}

result<void> take_link_field(dag_pb_link& link, const proto_field& field) {
    if (field.number == link_hash && field.type == wire_type::bytes) {
        auto target = multiformats::parse_cid(field.data);
        if (!target)
            return fail(errc::malformed_node, "dag-pb link: " + target.error().message());
        link.target = *std::move(target);
    } else if (field.number == link_name && field.type == wire_type::bytes) {
        link.name = std::string(as_chars(field.data));
    } else if (field.number == link_tsize && field.type == wire_type::varint) {
        link.tsize = field.value;
    } else {
        return fail(errc::malformed_node);
    }
    return {};
}

result<dag_pb_link> decode_link(byte_view message) {
    dag_pb_link link;
    std::uint32_t last = 0;
    const auto read = for_each_field(
        message, errc::malformed_node, [&](const proto_field& field) -> result<void> {
            // Hash, name, tsize: each once, in this order, the hash always.
            if (field.number <= last || (last == 0 && field.number != link_hash))
                return fail(errc::malformed_node);
            last = field.number;
            return take_link_field(link, field);
        });
    if (!read)
        return std::unexpected(read.error());
    if (last == 0)
        return fail(errc::malformed_node);
    return link;
}

void append_link(bytes& block, const dag_pb_link& link) {
    append_proto_header(block, node_links, link_content_size(link));
    append_proto_header(block, link_hash, link.target.encoded_size());
    link.target.append_to(block);
    if (link.name)
        append_proto_bytes(block, link_name, as_bytes(*link.name));
    if (link.tsize)
        append_proto_varint(block, link_tsize, *link.tsize);
}

}  // namespace

result<dag_pb_node> decode_dag_pb(byte_view block) {
    if (block.size() > block_bytes_max)
        return fail(errc::too_large, "block is larger than 2 MiB");
    dag_pb_node node;
    bool links_ended = false;
    const auto read =
        for_each_field(block, errc::malformed_node, [&](const proto_field& field) -> result<void> {
            if (field.type != wire_type::bytes)
                return fail(errc::malformed_node);
            if (field.number == node_data && !node.data) {
                node.data = field.data;
                links_ended = !node.links.empty();
                return {};
            }
            if (field.number != node_links || links_ended)
                return fail(errc::malformed_node);
            if (node.links.size() == node_links_max)
                return fail(errc::too_large, "node with more than 65536 links");
            auto link = decode_link(field.data);
            if (!link)
                return std::unexpected(std::move(link.error()));
            node.links.push_back(*std::move(link));
            return {};
        });
    if (!read)
        return std::unexpected(read.error());
    return node;
}

bytes encode_dag_pb(const dag_pb_node& node) {
    bytes block;
    for (const auto& link : node.links)
        append_link(block, link);
    if (node.data)
        append_dag_pb_data(block, *node.data);
    return block;
}

void append_dag_pb_link(bytes& block, const cid& target, std::string_view name,
                        std::uint64_t tsize) {
    append_link(block, {target, std::string(name), tsize});
}

void append_dag_pb_data(bytes& block, byte_view data) {
    append_proto_bytes(block, node_data, data);
}

std::size_t dag_pb_link_size(const cid& target, std::string_view name, std::uint64_t tsize) {
    return field_size(field_size(target.encoded_size()) + field_size(name.size()) + 1 +
                      proto_varint_size(tsize));
}

}  // namespace dm::unixfs
