#pragma once

#include "crypto/hash.hpp"
#include "libp2p/kad/key.hpp"

namespace dm::kad {

/// The n-th of some peers, for tests.
inline peer_id peer(unsigned n) {
    const auto hash = multiformats::multihash::sha2_256(as_bytes("peer " + std::to_string(n)));
    return *peer_id::from_bytes(hash.to_bytes());
}

inline multiaddr address(std::string_view text) {
    return *multiformats::parse_multiaddr(text);
}

}  // namespace dm::kad
