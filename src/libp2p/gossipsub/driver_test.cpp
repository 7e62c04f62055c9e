#include "libp2p/gossipsub/driver.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "aio/run_for_test.hpp"
#include "libp2p/host/memory_host.hpp"
#include "multiformats/delimited.hpp"

using namespace dm;
using namespace dm::gossipsub;
using namespace std::chrono_literals;

namespace {

struct node {
    node(executor ex, host::memory_network& net, std::uint64_t n, pubsub_options o = {})
        : key(crypto::private_key::generate()),
          host(ex, net, peer_id(key.public_key())),
          pubsub(ex, host, key, with_seed(o, n)) {
        pubsub.start();
    }
    static pubsub_options with_seed(pubsub_options o, std::uint64_t n) {
        o.seed = n;
        o.seqno = 1'000 * n;
        o.router.heartbeat = 20ms;
        return o;
    }
    void listen() {
        pubsub.subscribe(
            "t", [this](const deliver& d) { heard.emplace_back(as_chars(*d.message.data)); });
    }
    void say(std::string_view text) { pubsub.publish("t", as_bytes(text)); }
    awaitable<void> connect(node& other) {
        co_await host.connect(other.host.self(), other.host.addresses());
    }
    awaitable<void> stop() {
        co_await pubsub.stop();
        co_await host.stop();
    }

    crypto::private_key key;
    host::memory_host host;
    gossipsub::pubsub pubsub;
    std::vector<std::string> heard;
};

awaitable<void> until(std::function<bool()> holds) {
    while (!holds())
        co_await aio::sleep_for(2ms);
}

awaitable<void> write_rpc(host::stream& to, const rpc& r) {
    bytes wire;
    multiformats::append_delimited(wire, encode_rpc(r));
    co_await to.write(wire);
}

}  // namespace

TEST(pubsub, what_one_says_the_others_hear_over_three_hops) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        std::vector<std::unique_ptr<node>> nodes;
        for (std::uint64_t i = 0; i < 4; ++i) {
            nodes.push_back(std::make_unique<node>(ex, net, i + 1));
            nodes.back()->listen();
            if (i > 0)
                co_await nodes[i]->connect(*nodes[i - 1]);
        }
        for (std::size_t i = 0; i < 4; ++i)
            co_await until([&] { return nodes[i]->pubsub.mesh_of("t").size() == (i % 3 ? 2 : 1); });
        nodes[0]->say("hello");
        co_await until([&] { return !nodes[3]->heard.empty(); });
        EXPECT_EQ(nodes[3]->heard, std::vector<std::string>{"hello"});
        EXPECT_TRUE(nodes[0]->heard.empty());
        for (auto& n : nodes)
            co_await n->stop();
    });
}

TEST(pubsub, a_handler_may_answer) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        node a(ex, net, 1);
        node b(ex, net, 2);
        a.listen();
        b.pubsub.subscribe("t", [&](const deliver&) { b.say("answer"); });
        co_await a.connect(b);
        co_await until([&] { return a.pubsub.peers_in("t").size() == 1; });
        a.say("question");
        co_await until([&] { return !a.heard.empty(); });
        EXPECT_EQ(a.heard, std::vector<std::string>{"answer"});
        co_await a.stop();
        co_await b.stop();
    });
}

TEST(pubsub, goes_on_after_a_peer_was_away) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        node a(ex, net, 1);
        node b(ex, net, 2);
        a.listen();
        b.listen();
        std::vector<bool> seen;
        const auto watching = a.pubsub.topic_events().add(
            [&](const peer_topic& t) { seen.push_back(t.is_on && t.topic == "t"); });
        for (int i = 0; i < 3; ++i) {
            co_await b.connect(a);
            co_await until(
                [&] { return !a.pubsub.mesh_of("t").empty() && !b.pubsub.mesh_of("t").empty(); });
            a.say("time " + std::to_string(i));
            co_await until([&] { return b.heard.size() == static_cast<std::size_t>(i + 1); });
            b.host.disconnect(a.host.self());
            co_await until([&] { return a.pubsub.peers_in("t").empty(); });
        }
        EXPECT_EQ(seen, (std::vector{true, false, true, false, true, false}));
        co_await a.stop();
        co_await b.stop();
    });
}

TEST(pubsub, opens_its_stream_again_when_a_peer_resets_it) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        node a(ex, net, 1, {.retry_first = 5ms});
        a.listen();
        host::memory_host other(ex, net, peer_id(crypto::private_key::generate().public_key()));
        int streams = 0;
        other.handle(protocol_1_1, [&](host::inbound in) -> awaitable<void> {
            ++streams;
            std::array<std::byte, 64> buffer;
            while (co_await in.channel->read_some(buffer) > 0)
                if (streams < 3)
                    in.channel->reset();
        });
        co_await a.host.connect(other.self(), other.addresses());
        auto mine = co_await other.open(a.host.self(), {protocol_1_1});
        co_await write_rpc(*mine.channel,
                           {.control = {.subscriptions = {{true, "t"}}}, .messages = {}});
        co_await until([&] {
            a.say("x");
            return streams == 3;
        });
        EXPECT_EQ(a.pubsub.peers_in("t").size(), 1u) << "its subscriptions are remembered";
        co_await a.stop();
        co_await other.stop();
    });
}

TEST(pubsub, a_peer_that_sends_rubbish_loses_its_stream_only) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        node a(ex, net, 1);
        a.listen();
        host::memory_host other(ex, net, peer_id(crypto::private_key::generate().public_key()));
        co_await other.connect(a.host.self(), a.host.addresses());
        for (const auto& rubbish :
             {bytes{std::byte{1}, std::byte{0x0b}}, bytes(20, std::byte{0xff})}) {
            auto mine = co_await other.open(a.host.self(), {protocol_1_1});
            std::array<std::byte, 8> buffer;
            bool is_reset = false;
            try {
                co_await mine.channel->write(rubbish);
                co_await mine.channel->read_some(buffer);
            } catch (const failure&) {
                is_reset = true;
            }
            EXPECT_TRUE(is_reset);
        }
        EXPECT_TRUE(other.find(a.host.self()));
        co_await a.stop();
        co_await other.stop();
    });
}

TEST(pubsub, who_forges_is_banned) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        node a(ex, net, 1);
        a.listen();
        host::memory_host other(ex, net, peer_id(crypto::private_key::generate().public_key()));
        co_await other.connect(a.host.self(), a.host.addresses());
        auto mine = co_await other.open(a.host.self(), {protocol_1_1});
        auto forged = make_message(a.key, 7, "t", as_bytes("x"));
        const auto someone = crypto::private_key::generate();
        forged.from = to_bytes(peer_id(someone.public_key()).bytes());
        try {
            for (std::size_t i = 0; i < router_options{}.forged_max; ++i)
                co_await write_rpc(*mine.channel, {.control = {}, .messages = {forged}});
        } catch (const failure&) {
        }
        co_await until([&] { return !a.host.find(other.self()); });
        EXPECT_TRUE(a.heard.empty());
        co_await a.stop();
        co_await other.stop();
    });
}

TEST(pubsub, does_not_queue_without_bound_for_a_peer_that_does_not_read) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        node a(ex, net, 1, {.queue_rpcs_max = 8});
        a.listen();
        host::memory_host other(ex, net, peer_id(crypto::private_key::generate().public_key()));
        other.handle(protocol_1_1,
                     [&](host::inbound) -> awaitable<void> { co_await aio::sleep_for(1h); });
        co_await a.host.connect(other.self(), other.addresses());
        auto mine = co_await other.open(a.host.self(), {protocol_1_1});
        co_await write_rpc(*mine.channel,
                           {.control = {.subscriptions = {{true, "t"}}}, .messages = {}});
        co_await until([&] { return a.pubsub.peers_in("t").size() == 1; });
        co_await until([&] {
            a.say(std::string(100'000, 'x'));
            return a.pubsub.dropped() > 10;
        });
        co_await other.stop();
        co_await a.stop();
    });
}

TEST(pubsub, flush_returns_when_everything_is_written) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        node a(ex, net, 1);
        node b(ex, net, 2);
        a.listen();
        b.listen();
        co_await a.connect(b);
        co_await until([&] { return a.pubsub.peers_in("t").size() == 1; });
        for (int i = 0; i < 50; ++i)
            a.say(std::to_string(i));
        co_await a.pubsub.flush();
        co_await a.stop();
        co_await until([&] { return b.heard.size() == 50; });
        co_await b.stop();
    });
}
