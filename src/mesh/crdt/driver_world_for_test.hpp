#pragma once

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "libp2p/host/memory_host.hpp"
#include "mesh/crdt/driver.hpp"

/// Nodes that share a state over a network in memory.
namespace dm::crdt {

/// Says nothing by itself.
inline shared_map_options quiet() {
    return {
        .announcer = {.interval_min = std::chrono::hours(1), .interval_max = std::chrono::hours(1)},
        .retry_first = std::chrono::milliseconds(5)};
}

/// A node in a network in memory; its state is in `file`.
struct site {
    site(executor ex, host::memory_network& net, aio::pool& workers,
         const std::filesystem::path& file, shared_map_options o = quiet())
        : key(crypto::private_key::generate()),
          host(ex, net, peer_id(key.public_key())),
          pubsub(ex, host, key, {.router = {.heartbeat = std::chrono::milliseconds(50)}}),
          blocks(ex, workers, file),
          exchange(ex, workers, host, blocks),
          map(ex, workers, file, blocks, pubsub, exchange, std::move(o)) {
        pubsub.start();
        exchange.start();
        map.start();
    }
    awaitable<void> connect(site& other) {
        co_await host.connect(other.host.self(), other.host.addresses());
    }
    awaitable<void> stop() {
        co_await map.stop();
        co_await exchange.stop();
        co_await pubsub.stop();
        co_await host.stop();
    }
    std::string at(std::string_view which) const {
        return std::string(map.find(which).value_or("(none)"));
    }

    crypto::private_key key;
    host::memory_host host;
    gossipsub::pubsub pubsub;
    block_source blocks;
    bitswap::exchange exchange;
    shared_map map;
};

/// Returns when it holds; a test that waits in vain ends by run_coroutine().
inline awaitable<void> until(std::function<bool()> holds) {
    while (!holds())
        co_await aio::sleep_for(std::chrono::milliseconds(2));
}

/// A network of sites, each with a file of its own.
struct world {
    explicit world(executor ex) : executor_(ex) {}

    site& add(shared_map_options o = quiet()) {
        sites.push_back(std::make_unique<site>(executor_, net, workers, next_file(), std::move(o)));
        return *sites.back();
    }
    std::filesystem::path next_file() { return dir / ("state" + std::to_string(files_++) + ".db"); }
    awaitable<void> know_each_other() {
        for (const auto& s : sites)
            co_await until([&] { return !s->pubsub.peers_in("globaldb-topic").empty(); });
    }
    awaitable<void> stop() {
        for (auto& s : sites)
            co_await s->stop();
    }

    temp_dir dir;
    aio::pool workers{2};
    host::memory_network net;
    std::vector<std::unique_ptr<site>> sites;

  private:
    executor executor_;
    int files_ = 0;
};

template <class Test>
void in_world(Test test) {
    aio::run_in_world<world>(std::move(test));
}

}  // namespace dm::crdt
