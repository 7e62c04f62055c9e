#pragma once

#include "libp2p/host/wire.hpp"
#include "libp2p/noise/handshake.hpp"
#include "libp2p/noise/transport.hpp"

namespace dm::host {

/// A connection whose other side is known, ready to be multiplexed.
struct secured {
    wire carrier;
    noise::transport cipher;
    multiformats::peer_id peer;
    bytes early;  ///< decrypted bytes that came behind the negotiation
};

/// What a node brings into every handshake. Outlives all of them.
struct upgrade_options {
    noise::local_party local;
    std::optional<pnet::swarm_key> network;
    /// While the key is being changed: taken of diallers, too.
    std::optional<pnet::swarm_key> former_network{};
};

/// Which key of the private network a dialler uses.
enum class network_key { current, former };

/// Takes bytes to a multiplexed connection: nonces of the private network, multistream-select,
/// Noise, and Yamux by early negotiation or by multistream-select. The dialler is the initiator of
/// each. Throws failure: those of multistream, noise and aio.
/// Spec: libp2p connections "Upgrading Connections".
awaitable<secured> upgrade(std::unique_ptr<aio::byte_stream> carrier, noise::role role,
                           const upgrade_options& options,
                           std::optional<multiformats::peer_id> expected,
                           network_key dial_with = network_key::current);

}  // namespace dm::host
