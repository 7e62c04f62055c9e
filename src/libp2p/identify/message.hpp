#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "multiformats/multiaddr.hpp"

namespace dm::identify {

using multiformats::multiaddr;

/// One message of a peer, and how many may follow each other.
constexpr std::size_t message_bytes_max = 8192;
constexpr std::size_t messages_max = 10;
/// What is kept of a peer's lists; the rest is left out.
constexpr std::size_t protocols_max = 1024;
constexpr std::size_t addresses_max = 500;
constexpr std::size_t text_bytes_max = 256;  ///< of a protocol, agent or version

/// What a peer says about itself.
/// Spec: libp2p identify 1.0.0.
struct message {
    bytes public_key;  ///< serialised; empty where it is not said
    std::vector<multiaddr> listen_addresses;
    std::vector<std::string> protocols;
    std::optional<multiaddr> observed;  ///< where the receiver of this message was seen
    std::string protocol_version;
    std::string agent;
    bytes signed_record;  ///< an envelope with a peer record; may be empty

    friend bool operator==(const message&, const message&) = default;
};

bytes encode(const message& m);

/// Adds one received message to those before it: lists grow, single values are replaced.
/// Addresses that cannot be read and what is over the limits are left out.
/// Error: malformed_protobuf of multiformats.
result<void> merge(message& into, byte_view data);

}  // namespace dm::identify
