#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "content/unixfs/errc.hpp"
#include "multiformats/cid.hpp"

namespace dm::unixfs {

using multiformats::cid;

/// Largest block that is read: what bitswap carries.
constexpr std::size_t block_bytes_max = 2 << 20;
/// Most links of one node that are read; a directory of this many entries would be sharded.
constexpr std::size_t node_links_max = 65536;

/// A named link of a dag-pb node. An absent name or size is not the same as an empty one: the bytes
/// differ, hence the CID.
struct dag_pb_link {
    cid target;
    std::optional<std::string> name;
    std::optional<std::uint64_t> tsize;  ///< bytes of all blocks below, as far as the writer knew

    friend bool operator==(const dag_pb_link&, const dag_pb_link&) = default;
};

/// A decoded dag-pb block; `data` points into the block.
struct dag_pb_node {
    std::vector<dag_pb_link> links{};
    std::optional<byte_view> data{};
};

/// Reads a block. Links may stand before or after the data, as both are written by somebody, but
/// each in one piece; unknown fields, wrong types and links without a hash are malformed_node; over
/// block_bytes_max or node_links_max is too_large.
/// Spec: ipld codecs dag-pb.
result<dag_pb_node> decode_dag_pb(byte_view block);

/// Writes a block in the canonical form: links (in the order given), then data.
bytes encode_dag_pb(const dag_pb_node& node);

/// The parts of encode_dag_pb for builders: a link with name and tsize, and the data field.
void append_dag_pb_link(bytes& block, const cid& target, std::string_view name,
                        std::uint64_t tsize);
void append_dag_pb_data(bytes& block, byte_view data);
/// Bytes that append_dag_pb_link would write.
std::size_t dag_pb_link_size(const cid& target, std::string_view name, std::uint64_t tsize);

}  // namespace dm::unixfs
