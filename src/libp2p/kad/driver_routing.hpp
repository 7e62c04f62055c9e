#pragma once

#include "libp2p/kad/driver.hpp"

namespace dm::kad {

/// The LAN's and the public network's DHT as one, as Kubo has it.
class routing {
  public:
    routing(executor ex, host::host& peers, std::uint64_t seed, dht_options o = {})
        : lan_(ex, peers, network::lan, seed, o), wan_(ex, peers, network::wan, seed + 1, o) {}

    void start() {
        lan_.start();
        wan_.start();
    }
    awaitable<void> stop() {
        co_await lan_.stop();
        co_await wan_.stop();
    }

    /// Asks both at once; each provider is told once, `count` at most of each network.
    awaitable<void> find_providers(multihash content, std::size_t count, dht::found tell);
    /// Addresses that either knows.
    awaitable<peer_info> find_peer(peer_id id);

    void provide(const multihash& content) {
        lan_.provide(content);
        wan_.provide(content);
    }
    void stop_providing(const multihash& content) {
        lan_.stop_providing(content);
        wan_.stop_providing(content);
    }

    const dht& lan() const noexcept { return lan_; }
    const dht& wan() const noexcept { return wan_; }

  private:
    dht lan_;
    dht wan_;
};

}  // namespace dm::kad
