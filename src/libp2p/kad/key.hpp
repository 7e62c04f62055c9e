#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "base/bytes.hpp"
#include "multiformats/multiaddr.hpp"
#include "multiformats/multihash.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::kad {

using multiformats::multiaddr;
using multiformats::peer_id;

/// A place in the key space: the SHA2-256 of a peer id's or key's bytes. Big-endian.
/// Spec: libp2p kad-dht "Distance".
struct key {
    std::array<std::byte, 32> bytes{};

    friend auto operator<=>(const key&, const key&) = default;
};

key key_of(byte_view preimage);
key key_of(const peer_id& id);
/// Of the records that say who provides the content: CIDs with one multihash share them.
key key_of(const multiformats::multihash& content);

/// XOR; smaller is closer.
key distance(const key& a, const key& b) noexcept;

/// Leading bits that agree, 0..256.
std::size_t common_prefix_bits(const key& a, const key& b) noexcept;

}  // namespace dm::kad
