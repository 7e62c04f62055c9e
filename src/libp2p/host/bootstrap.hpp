#pragma once

#include "aio/task_group.hpp"
#include "libp2p/host/host.hpp"

namespace dm::host {

/// A peer and one of its addresses, from `/ip4/…/tcp/…/p2p/ID`.
struct known_peer {
    peer_id id;
    multiaddr address;  ///< without /p2p

    friend bool operator==(const known_peer&, const known_peer&) = default;
};

/// Error: bad_address (no multiaddress, no TCP address, or no /p2p).
result<known_peer> parse_known_peer(std::string_view text);

/// Keeps this node connected to peers that its operator has named, for as long as it runs.
class bootstrap {
  public:
    static constexpr std::chrono::seconds check_interval{5};

    /// `via` outlives this. The node itself may be among the peers.
    bootstrap(executor ex, host& via, std::vector<known_peer> peers);

    void start();
    awaitable<void> stop() { return group_.stop(); }

  private:
    awaitable<void> keep(peer_id peer);

    host& host_;
    std::vector<known_peer> peers_;
    aio::task_group group_;
};

}  // namespace dm::host
