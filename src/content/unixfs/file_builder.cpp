#include "content/unixfs/file_builder.hpp"

#include <cassert>

#include "content/unixfs/data.hpp"

namespace dm::unixfs {

using multiformats::codec;
using multiformats::multihash;

cid dag_pb_cid(byte_view block, const profile& p) {
    auto hash = multihash::sha2_256(block);
    return p.cid_version == 0 ? cid::v0(std::move(hash)) : cid(codec::dag_pb, std::move(hash));
}

file_leaf make_leaf(byte_view chunk, const profile& p) {
    if (p.raw_leaves)
        return {{cid::of(codec::raw, chunk), chunk.size(), chunk.size()}, std::nullopt};
    unixfs_data data{.type = data_type::file};
    if (!chunk.empty())
        data.content = chunk;
    data.file_size = chunk.size();
    bytes block;
    append_dag_pb_data(block, encode_unixfs_data(data));
    const subtree node{dag_pb_cid(block, p), chunk.size(), block.size()};
    return {node, std::move(block)};
}

file_builder::file_builder(block_sink sink, profile p) : sink_(std::move(sink)), profile_(p) {
    assert(profile_.file_links_max >= 2);
}

void file_builder::add_leaf(const subtree& leaf) {
    add(0, leaf);
}

subtree file_builder::finish() {
    if (levels_.empty()) {
        const auto leaf = make_leaf({}, profile_);
        sink_(leaf.node.root, leaf.block ? byte_view{*leaf.block} : byte_view{});
        return leaf.node;
    }
    // From the leaves up; what a level still holds becomes a last child of the next, which may be
    // a new one.
    for (std::size_t level = 0; level + 1 < levels_.size() || levels_[level].size() > 1; ++level)
        if (!levels_[level].empty())
            complete(level);
    return levels_.back().front();
}

void file_builder::add(std::size_t level, const subtree& child) {
    if (level == levels_.size())
        levels_.emplace_back();
    levels_[level].push_back(child);
    if (levels_[level].size() == profile_.file_links_max)
        complete(level);
}

void file_builder::complete(std::size_t level) {
    const auto node = make_node(levels_[level]);
    levels_[level].clear();
    add(level + 1, node);
}

subtree file_builder::make_node(const std::vector<subtree>& children) {
    unixfs_data data{.type = data_type::file};
    std::uint64_t size = 0;
    std::uint64_t tsize = 0;
    bytes block;
    for (const auto& child : children) {
        append_dag_pb_link(block, child.root, "", child.tsize);
        data.block_sizes.push_back(child.size);
        size += child.size;
        tsize += child.tsize;
    }
    data.file_size = size;
    append_dag_pb_data(block, encode_unixfs_data(data));
    const subtree node{dag_pb_cid(block, profile_), size, tsize + block.size()};
    sink_(node.root, block);
    return node;
}

}  // namespace dm::unixfs
