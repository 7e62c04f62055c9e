#include "mesh/presence/driver.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "aio/timeout.hpp"
#include "libp2p/host/memory_host.hpp"

using namespace dm;
using namespace dm::presence;
using namespace std::chrono_literals;

namespace {

struct site {
    site(executor ex, host::memory_network& net)
        : key(crypto::private_key::generate()),
          host(ex, net, peer_id(key.public_key())),
          pubsub(ex, host, key, {.router = {.heartbeat = 50ms}}),
          service(ex, host, pubsub, 1, {.suspicion = 1s, .gone = 100ms, .spacing = 20ms}) {
        pubsub.start();
        service.start();
    }
    awaitable<void> connect(site& other) {
        co_await host.connect(other.host.self(), other.host.addresses());
    }
    awaitable<void> stop() {
        co_await service.stop();
        co_await pubsub.stop();
        co_await host.stop();
    }
    sighting of(const site& other) const { return service.find(other.host.self()); }

    crypto::private_key key;
    host::memory_host host;
    gossipsub::pubsub pubsub;
    presence::service service;
};

awaitable<void> until(std::function<bool()> holds) {
    while (!holds())
        co_await aio::sleep_for(2ms);
}

}  // namespace

TEST(presence_service, nodes_know_what_others_do_over_hops_and_when_they_go) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        site a(ex, net);
        site b(ex, net);
        site c(ex, net);
        std::size_t told = 0;
        const auto watching = c.service.changes().add([&](const peer_id&) { ++told; });
        a.service.set_status("early");
        co_await a.connect(b);
        co_await b.connect(c);
        co_await until([&] { return c.of(a).status == "early"; });
        a.service.set_status("busy");
        co_await until([&] { return c.of(a).status == "busy"; });
        // Listeners are told by another coroutine than the one that heard it.
        co_await until([&] { return told >= 2; });
        co_await a.stop();
        co_await until([&] { return c.of(a).state == liveness::offline; });
        EXPECT_EQ(c.of(b).state, liveness::online);
        // One that dies without a word.
        co_await b.host.stop();
        co_await until([&] { return c.of(b).state == liveness::suspect; });
        co_await until([&] { return c.of(b).state == liveness::offline; });
        co_await b.stop();
        co_await c.stop();
    });
}
