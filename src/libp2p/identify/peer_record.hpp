#pragma once

#include <vector>

#include "multiformats/multiaddr.hpp"

namespace dm::identify {

/// Where a peer says that it can be reached; the one with the highest `sequence` holds.
/// Spec: libp2p RFC 0003, with the constants that are deployed.
struct peer_record {
    multiformats::peer_id peer;
    std::uint64_t sequence = 0;
    std::vector<multiformats::multiaddr> addresses;
};

/// The record in an envelope that its peer has signed.
/// Spec: libp2p RFC 0002.
bytes seal(const crypto::private_key& identity, std::uint64_t sequence,
           const std::vector<multiformats::multiaddr>& addresses);

/// Only a record that was signed by the peer that it is about. Addresses that cannot be read are
/// left out. Errors: malformed_protobuf, malformed_peer_id, those of keys.
result<peer_record> open(byte_view envelope);

}  // namespace dm::identify
