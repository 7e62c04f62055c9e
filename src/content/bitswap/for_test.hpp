#pragma once

#include <set>
#include <string>

#include "content/bitswap/message.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::bitswap {

/// The n-th of some blocks and of some peers, for tests.
inline cid block_id(unsigned n) {
    return cid::of(multiformats::codec::raw, as_bytes("block " + std::to_string(n)));
}

inline multiformats::peer_id peer(unsigned n) {
    const auto hash = multiformats::multihash::sha2_256(as_bytes("peer " + std::to_string(n)));
    return *multiformats::peer_id::from_bytes(hash.to_bytes());
}

}  // namespace dm::bitswap
