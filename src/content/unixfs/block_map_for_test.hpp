#pragma once

#include <unordered_map>

#include "content/unixfs/file_builder.hpp"

namespace dm::unixfs {

/// Keeps the blocks of a test.
struct block_map {
    std::unordered_map<cid, bytes> blocks;

    block_sink sink() {
        return [this](const cid& id, byte_view block) { blocks[id] = to_bytes(block); };
    }
    const bytes& at(const cid& id) const { return blocks.at(id); }
};

/// Chunks, builds and keeps a file.
inline subtree add_file(block_map& map, byte_view content, const profile& p = kubo_cid_v1) {
    file_builder builder(map.sink(), p);
    while (!content.empty()) {
        const auto chunk = content.first(std::min(content.size(), p.chunk_bytes));
        content = content.subspan(chunk.size());
        const auto leaf = make_leaf(chunk, p);
        map.blocks[leaf.node.root] = leaf.block ? *leaf.block : to_bytes(chunk);
        builder.add_leaf(leaf.node);
    }
    return builder.finish();
}

/// Bytes `from`.. of the pattern that the golden vectors are made of.
inline bytes pattern(std::size_t size, std::size_t from = 0) {
    bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>((from + i) * 31 + ((from + i) >> 8) * 7);
    return out;
}

}  // namespace dm::unixfs
