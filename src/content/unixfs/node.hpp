#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "content/unixfs/dag_pb.hpp"
#include "content/unixfs/data.hpp"

namespace dm::unixfs {

/// Slots of a HAMT node that is read, at most.
constexpr std::size_t read_fanout_max = 1024;

enum class node_kind : std::uint8_t { file, directory, shard, symlink };

/// A link as UnixFS means it.
struct node_link {
    std::string name{};  ///< entry name; empty in files and for sub-shards
    cid target{};
    std::uint64_t size = 0;   ///< of files: file bytes below
    std::uint64_t tsize = 0;  ///< of directories: what the writer says that all blocks below take
    std::size_t slot = 0;     ///< of shards
};

/// A block, understood. Its own parts agree with each other; what it says about other blocks is a
/// claim until those are read.
struct node {
    node_kind kind = node_kind::file;
    std::uint64_t size = 0;          ///< of files: bytes of the content here and below
    byte_view content{};             ///< of files: bytes that come before those of the links; of
                                     ///< symlinks: the target. Points into the block
    std::vector<node_link> links{};  ///< in order; of shards by slot
    std::size_t fanout = 0;          ///< of shards
    std::optional<std::uint32_t> mode{};
    std::optional<modification_time> mtime{};

    bool is_directory() const noexcept {
        return kind == node_kind::directory || kind == node_kind::shard;
    }
};

/// Reads the block that `id` names (its hash is checked by whoever fetched it): a raw block is a
/// file, dag-pb one of the kinds. Errors: malformed_node, unsupported_node, size_mismatch (the
/// sizes of a file do not add up), too_large, bad_name, duplicate_name.
result<node> parse_node(const cid& id, byte_view block);

}  // namespace dm::unixfs
