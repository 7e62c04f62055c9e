#pragma once

#include <optional>

#include "crypto/xsalsa20.hpp"
#include "libp2p/pnet/swarm_key.hpp"

namespace dm::pnet {

constexpr std::size_t nonce_size = crypto::xsalsa20::nonce_size;
using nonce_bytes = std::array<std::byte, nonce_size>;

/// Mixes both directions of a connection with the key streams of a private network, in place. Each
/// side first sends its nonce, in the clear; a side with another key reads noise.
/// Spec: libp2p pnet.
class protector {
  public:
    /// `mine` is fresh and random; it is sent before anything else.
    protector(const swarm_key& key, const nonce_bytes& mine, const nonce_bytes& theirs)
        : outgoing_(key, mine), incoming_(key, theirs) {}

    void outgoing(std::span<std::byte> data) { outgoing_.apply(data); }
    void incoming(std::span<std::byte> data) { incoming_.apply(data); }

  private:
    crypto::xsalsa20 outgoing_;
    crypto::xsalsa20 incoming_;
};

}  // namespace dm::pnet
