#pragma once

#include <cstdint>
#include <functional>

#include "base/bytes.hpp"
#include "content/unixfs/dag_pb.hpp"

namespace dm::unixfs {

/// How a directory's size is estimated before it is sharded.
enum class size_estimation : std::uint8_t {
    links,  ///< sum of name and CID sizes
    block,  ///< exact size of the serialised block
};

/// The choices that decide which CID some content gets. All nodes of one tree share them.
/// Spec: IPIP-0499.
struct profile {
    int cid_version = 1;
    bool raw_leaves = true;
    std::size_t chunk_bytes = 262144;
    std::size_t file_links_max = 174;
    std::size_t shard_threshold_bytes = 262144;  ///< a larger directory becomes a HAMT
    size_estimation estimation = size_estimation::links;
};

/// `ipfs add --cid-version=1` on Kubo's defaults: what image roots are made with.
inline constexpr profile kubo_cid_v1{};
/// Kubo's defaults.
inline constexpr profile unixfs_v0_2015{.cid_version = 0, .raw_leaves = false};
inline constexpr profile unixfs_v1_2025{
    .chunk_bytes = 1048576, .file_links_max = 1024, .estimation = size_estimation::block};

/// A finished file or directory, or a part of one: what a link to it needs.
struct subtree {
    cid root;
    std::uint64_t size = 0;   ///< file bytes below; 0 for directories and symlinks
    std::uint64_t tsize = 0;  ///< bytes of all blocks below, the root included

    friend bool operator==(const subtree&, const subtree&) = default;
};

/// Takes each finished dag-pb block; the bytes are valid during the call. Children come before
/// their parents.
using block_sink = std::function<void(const cid&, byte_view block)>;

/// The CID of a dag-pb block under the profile.
cid dag_pb_cid(byte_view block, const profile& p);

}  // namespace dm::unixfs
