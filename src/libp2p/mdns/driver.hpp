#pragma once

#include <boost/asio/ip/udp.hpp>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "libp2p/host/host.hpp"
#include "libp2p/mdns/discovery.hpp"

namespace dm::mdns {

/// Where multicast DNS is spoken.
inline constexpr const char* group_address = "224.0.0.251";
constexpr std::uint16_t group_port = 5353;

/// Connects a host to the peers of its local networks, over IPv4 multicast on all interfaces that
/// are up. Lives on the loop.
class service {
  public:
    /// `seed` decides the node's name on the network.
    service(executor ex, host::host& peers, std::uint64_t seed, discovery_options o = {});

    /// Throws failure when the port cannot be had.
    void start();
    awaitable<void> stop();

  private:
    awaitable<void> receive();
    awaitable<void> keep_time();
    awaitable<void> approach(found_peer peer);
    void join_networks();
    void act();
    void send(byte_view packet);

    executor executor_;
    host::host& host_;
    discovery core_;
    asio::ip::udp::socket socket_;
    std::vector<asio::ip::address_v4> interfaces_;
    aio::event changed_;
    aio::task_group group_;
};

}  // namespace dm::mdns
