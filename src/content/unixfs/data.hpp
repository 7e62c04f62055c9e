#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "content/unixfs/errc.hpp"

namespace dm::unixfs {

/// Numbers of the UnixFS protobuf.
enum class data_type : std::uint8_t {
    raw = 0,  ///< a leaf, as old importers wrote them
    directory = 1,
    file = 2,
    metadata = 3,
    symlink = 4,
    hamt_shard = 5,
};

/// Seconds since 1970 and nanoseconds, as a node may record them.
struct modification_time {
    std::int64_t seconds = 0;
    std::optional<std::uint32_t> nanoseconds{};

    friend bool operator==(const modification_time&, const modification_time&) = default;
};

/// What UnixFS puts into the data field of a dag-pb node; `content` points into what was decoded.
struct unixfs_data {
    data_type type = data_type::directory;
    std::optional<byte_view> content{};  ///< file bytes, symlink target, or the bitfield of a shard
    std::optional<std::uint64_t> file_size{};
    std::vector<std::uint64_t> block_sizes{};  ///< file bytes below each link
    std::optional<std::uint64_t> hash_type{};
    std::optional<std::uint64_t> fanout{};
    std::optional<std::uint32_t> mode{};
    std::optional<modification_time> mtime{};
};

/// Reads it. Fields may come in any order and unknown ones are skipped, as protobuf asks; a field
/// that is there twice, or has a wrong type, is malformed_node. Types beyond the six are
/// unsupported_node.
/// Spec: ipfs specs unixfs.md "Data format".
result<unixfs_data> decode_unixfs_data(byte_view data);

/// Writes it in the order of field numbers, block sizes unpacked, as Kubo does.
bytes encode_unixfs_data(const unixfs_data& data);

}  // namespace dm::unixfs
