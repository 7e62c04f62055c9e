#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/crdt/errc.hpp"
#include "multiformats/cid.hpp"

namespace dm::crdt {

using multiformats::cid;

/// Bytes of a block that is read, as bitswap carries it.
constexpr std::size_t block_bytes_max = 2 * 1024 * 1024;
/// Changes of one delta that are read; more is malformed.
constexpr std::size_t changes_max = 65'536;
/// Bytes of a key that is read, at most; longer ones make a block malformed.
constexpr std::size_t key_bytes_max = 4 * 1024;
/// Heads of one broadcast that are looked at.
constexpr std::size_t broadcast_heads_max = 1'000;
/// No block's height is over this: one more than any may be its successor's.
constexpr std::uint64_t height_max = std::uint64_t{1} << 62;

/// A key that was set by the block that it is in; or, as a tombstone, a key and the block whose
/// setting of it is undone.
struct element {
    std::string key;
    std::string id{};  ///< of a tombstone: block_id() of the other block
    std::string value{};

    friend bool operator==(const element&, const element&) = default;
};

/// What a block changes. Spec: go-ds-crdt pb/delta.proto.
struct delta {
    std::vector<element> elements{};
    std::vector<element> tombstones{};
    std::uint64_t priority = 0;  ///< the block's height: 1 more than the highest that it links to

    friend bool operator==(const delta&, const delta&) = default;
};

/// A block of the DAG: a delta on top of the heads that its author knew.
struct node {
    std::vector<cid> links;
    crdt::delta delta;

    friend bool operator==(const node&, const node&) = default;
};

bytes encode_delta(const delta& d);
/// Unknown fields are left out. Error: malformed_block.
result<delta> decode_delta(byte_view data);

/// A dag-pb block with the delta as its data.
bytes encode_node(const node& n);
/// Error: malformed_block: also when the height is 0 or over height_max, or when a link is none of
/// go-ds-crdt's (CIDv1, dag-pb, SHA2-256).
result<node> decode_node(byte_view block);

/// Whether a CID can name a block of the DAG.
bool is_block_cid(const cid& id) noexcept;
cid cid_of(byte_view block);
/// As elements are identified: "/" and the multihash in upper-case base32.
std::string block_id(const cid& block);
/// The CID that has this block_id(); nullopt for anything else.
std::optional<cid> block_of_id(std::string_view id);

/// What goes over the topic. Spec: go-ds-crdt pb/bcast.proto.
bytes encode_broadcast(const std::vector<cid>& heads);
/// The heads that can be blocks; also of the older form, a single bare CID. Error:
/// malformed_broadcast.
result<std::vector<cid>> decode_broadcast(byte_view data);

}  // namespace dm::crdt
