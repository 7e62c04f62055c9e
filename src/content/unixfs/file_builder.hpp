#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "content/unixfs/profile.hpp"

namespace dm::unixfs {

/// A chunk of a file as a block of its own.
struct file_leaf {
    subtree node;
    std::optional<bytes> block;  ///< absent when the block is the chunk itself (raw leaves)
};

/// The leaf of one chunk, which has 1..profile.chunk_bytes bytes (0 only in an empty file).
file_leaf make_leaf(byte_view chunk, const profile& p);

/// Builds the balanced tree over the leaves of one file as they come, and hands out each inner node
/// as soon as its last child is known: holds at most one unfinished node of file_links_max children
/// per level. Copies are independent.
/// Spec: boxo importer/balanced.
class file_builder {
  public:
    explicit file_builder(block_sink sink, profile p = kubo_cid_v1);

    /// The next leaf in file order.
    void add_leaf(const subtree& leaf);
    /// A raw leaf of `size` bytes.
    void add_leaf(const cid& leaf, std::uint64_t size) { add_leaf({leaf, size, size}); }

    /// The root: the only leaf itself if there is just one, the leaf of nothing if there is none
    /// (its block goes to the sink). The builder is spent.
    subtree finish();

  private:
    void add(std::size_t level, const subtree& child);
    void complete(std::size_t level);
    subtree make_node(const std::vector<subtree>& children);

    block_sink sink_;
    profile profile_;
    std::vector<std::vector<subtree>> levels_;  // unfinished nodes' children, leaves first
};

}  // namespace dm::unixfs
