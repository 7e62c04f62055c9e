#include "content/unixfs/node.hpp"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "content/unixfs/directory_builder.hpp"

namespace dm::unixfs {
namespace {

using multiformats::codec;

constexpr std::uint64_t murmur3_code = 0x22;
constexpr std::string_view upper_hex = "0123456789ABCDEF";

/// Adds without wrapping around.
bool add_size(std::uint64_t& sum, std::uint64_t size) {
    return !__builtin_add_overflow(sum, size, &sum);
}

result<node> read_file(dag_pb_node& pb, const unixfs_data& data) {
    node out{.kind = node_kind::file};
    out.content = data.content.value_or(byte_view{});
    out.size = out.content.size();
    if (data.block_sizes.size() != pb.links.size())
        return fail(errc::malformed_node, "file node without the sizes of its children");
    out.links.reserve(pb.links.size());
    for (std::size_t i = 0; i < pb.links.size(); ++i) {
        if (!add_size(out.size, data.block_sizes[i]))
            return fail(errc::size_mismatch);
        out.links.push_back({.name = {},
                             .target = std::move(pb.links[i].target),
                             .size = data.block_sizes[i],
                             .tsize = pb.links[i].tsize.value_or(0)});
    }
    if (data.file_size && *data.file_size != out.size)
        return fail(errc::size_mismatch, "sizes of a file node do not add up");
    return out;
}

result<node> read_directory(dag_pb_node& pb) {
    node out{.kind = node_kind::directory};
    std::unordered_set<std::string_view> seen;
    out.links.reserve(pb.links.size());
    for (auto& link : pb.links) {
        auto name = std::move(link.name).value_or(std::string());
        if (!is_entry_name(name))
            return fail(errc::bad_name, "directory entry without a proper name");
        out.links.push_back({.name = std::move(name),
                             .target = std::move(link.target),
                             .tsize = link.tsize.value_or(0)});
    }
    for (const auto& link : out.links)
        if (!seen.insert(link.name).second)
            return fail(errc::duplicate_name, "two directory entries named \"" + link.name + "\"");
    return out;
}

bool is_fanout(std::uint64_t fanout) {
    return std::has_single_bit(fanout) && fanout >= 2 && fanout <= read_fanout_max;
}

/// Hex digits of the largest slot number.
std::size_t slot_digits(std::size_t fanout) {
    return (static_cast<std::size_t>(std::bit_width(fanout - 1)) + 3) / 4;
}

bool has_bit(byte_view bitfield, std::size_t slot) {
    const auto from_end = slot / 8;
    return from_end < bitfield.size() &&
           (to_u8(bitfield[bitfield.size() - 1 - from_end]) >> slot % 8 & 1) != 0;
}

std::size_t count_bits(byte_view bitfield) {
    std::size_t count = 0;
    for (const auto b : bitfield)
        count += static_cast<std::size_t>(std::popcount(to_u8(b)));
    return count;
}

/// The slot that a link's name starts with.
std::optional<std::size_t> slot_of(std::string_view name, std::size_t digits, std::size_t fanout) {
    if (name.size() < digits)
        return std::nullopt;
    std::size_t slot = 0;
    for (const char c : name.substr(0, digits)) {
        const auto value = upper_hex.find(c);
        if (value == std::string_view::npos)
            return std::nullopt;
        slot = slot * 16 + value;
    }
    return slot < fanout ? std::optional(slot) : std::nullopt;
}

result<node> read_shard(dag_pb_node& pb, const unixfs_data& data) {
    const auto fanout = data.fanout.value_or(0);
    if (!is_fanout(fanout) || data.hash_type != murmur3_code)
        return fail(errc::unsupported_node, "sharded directory with another hash or fanout");
    node out{.kind = node_kind::shard};
    out.fanout = static_cast<std::size_t>(fanout);
    const auto bitfield = data.content.value_or(byte_view{});
    if (bitfield.size() > (out.fanout + 7) / 8 || count_bits(bitfield) != pb.links.size())
        return fail(errc::malformed_node);
    const auto digits = slot_digits(out.fanout);
    out.links.reserve(pb.links.size());
    for (auto& link : pb.links) {
        const std::string_view full = link.name ? std::string_view(*link.name) : "";
        const auto slot = slot_of(full, digits, out.fanout);
        // Ascending, so no slot is there twice.
        if (!slot || !has_bit(bitfield, *slot) ||
            (!out.links.empty() && *slot <= out.links.back().slot))
            return fail(errc::malformed_node, "sharded directory with a wrong slot");
        std::string name(full.substr(digits));
        if (!name.empty() && !is_entry_name(name))
            return fail(errc::bad_name, "directory entry without a proper name");
        out.links.push_back({.name = std::move(name),
                             .target = std::move(link.target),
                             .tsize = link.tsize.value_or(0),
                             .slot = *slot});
    }
    return out;
}

result<node> read_dag_pb(byte_view block) {
    auto pb = decode_dag_pb(block);
    if (!pb)
        return std::unexpected(std::move(pb.error()));
    if (!pb->data)
        return fail(errc::malformed_node, "dag-pb block that is no UnixFS node");
    const auto data = decode_unixfs_data(*pb->data);
    if (!data)
        return std::unexpected(data.error());
    result<node> out;
    switch (data->type) {
        case data_type::raw:
        case data_type::file:
            out = read_file(*pb, *data);
            break;
        case data_type::directory:
            out = read_directory(*pb);
            break;
        case data_type::hamt_shard:
            out = read_shard(*pb, *data);
            break;
        case data_type::symlink:
            if (!pb->links.empty())
                return fail(errc::malformed_node, "symlink with children");
            out = node{.kind = node_kind::symlink, .content = data->content.value_or(byte_view{})};
            break;
        case data_type::metadata:
            return fail(errc::unsupported_node);
    }
    if (out) {
        out->mode = data->mode;
        out->mtime = data->mtime;
    }
    return out;
}

}  // namespace

result<node> parse_node(const cid& id, byte_view block) {
    if (block.size() > block_bytes_max)
        return fail(errc::too_large, "block is larger than 2 MiB");
    if (id.codec() == codec::raw)
        return node{.kind = node_kind::file, .size = block.size(), .content = block};
    if (id.codec() != codec::dag_pb)
        return fail(errc::unsupported_node, id.to_string() + " is no UnixFS node");
    return read_dag_pb(block);
}

}  // namespace dm::unixfs
