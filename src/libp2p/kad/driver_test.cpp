#include "libp2p/kad/driver.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "aio/run_for_test.hpp"
#include "base/varint.hpp"
#include "libp2p/host/memory_host.hpp"
#include "libp2p/kad/driver_io.hpp"
#include "libp2p/kad/driver_routing.hpp"
#include "libp2p/kad/peers_for_test.hpp"

using namespace dm;
using namespace dm::kad;
using namespace std::chrono_literals;

namespace {

struct node {
    node(executor ex, host::memory_network& net, unsigned n)
        : host(ex, net, peer(n)), dht(ex, host, network::lan, n, {.bootstrap_delay = 1ms}) {
        dht.start();
    }
    awaitable<void> connect(node& other) {
        co_await host.connect(other.host.self(), other.host.addresses());
    }
    awaitable<void> stop() {
        co_await dht.stop();
        co_await host.stop();
    }

    host::memory_host host;
    kad::dht dht;
};

struct swarm {
    swarm(executor ex, unsigned n) {
        for (unsigned i = 0; i < n; ++i)
            nodes.push_back(std::make_unique<node>(ex, net, i + 1));
    }
    /// Each connects to the one before it; then all hear of each other.
    awaitable<void> join() {
        for (std::size_t i = 1; i < nodes.size(); ++i)
            co_await nodes[i]->connect(*nodes[i - 1]);
    }
    awaitable<void> stop() {
        for (auto& n : nodes)
            co_await n->stop();
    }

    host::memory_network net;
    std::vector<std::unique_ptr<node>> nodes;
};

multihash content(unsigned n) {
    return multihash::sha2_256(as_bytes("content " + std::to_string(n)));
}

awaitable<void> until(std::function<bool()> holds) {
    while (!holds())
        co_await aio::sleep_for(5ms);
}

awaitable<std::vector<peer_info>> providers_of(dht& d, multihash what, std::size_t count = 20) {
    std::vector<peer_info> out;
    co_await d.find_providers(what, count, [&](const peer_info& p) { out.push_back(p); });
    co_return out;
}

/// Writes a request and reads the answer; the error that the stream ends with.
awaitable<result<message>> exchange(host::host& from, const peer_id& to, message m) {
    auto opened = co_await from.open(to, {lan_protocol});
    try {
        co_await write_message(*opened.channel, m);
        opened.channel->shutdown_write();
        message_reader reader(*opened.channel, answer_bytes_max);
        const auto reply = co_await reader.next();
        if (reply)
            co_return *reply;
        co_return message{.key = to_bytes("no answer")};
    } catch (const failure& e) {
        co_return fail(e.reason());
    }
}

}  // namespace

TEST(kad_dht, a_chain_of_nodes_becomes_a_network) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        swarm s(ex, 12);
        co_await s.join();
        co_await until([&] {
            return std::ranges::all_of(s.nodes,
                                       [](const auto& n) { return n->dht.servers() >= 11; });
        });
        const auto found = co_await s.nodes[11]->dht.find_peer(peer(1));
        EXPECT_EQ(found.addresses, s.nodes[0]->host.addresses());
        co_await s.stop();
    });
}

TEST(kad_dht, what_one_provides_all_find) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        swarm s(ex, 8);
        s.nodes[3]->dht.provide(content(1));
        co_await s.join();
        co_await until([&] { return s.nodes[0]->dht.records() > 0; });
        for (const auto& n : s.nodes) {
            const auto found = co_await providers_of(n->dht, content(1));
            if (n == s.nodes[3]) {
                EXPECT_TRUE(found.empty()) << "oneself is none";
                continue;
            }
            EXPECT_EQ(found, (std::vector{peer_info{peer(4), s.nodes[3]->host.addresses()}}));
        }
        EXPECT_TRUE((co_await providers_of(s.nodes[0]->dht, content(2))).empty());
        co_await s.stop();
    });
}

TEST(kad_dht, servers_that_come_later_are_told_too) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        swarm s(ex, 3);
        s.nodes[0]->dht.provide(content(1));
        co_await s.nodes[1]->connect(*s.nodes[0]);
        co_await until([&] { return s.nodes[1]->dht.records() == 1; });
        s.nodes[0]->dht.provide(content(2));
        co_await until([&] { return s.nodes[1]->dht.records() == 2; });
        co_await s.nodes[2]->connect(*s.nodes[0]);
        co_await until([&] { return s.nodes[2]->dht.records() == 2; });
        co_await s.stop();
    });
}

TEST(kad_dht, stops_at_as_many_providers_as_are_wanted) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        swarm s(ex, 8);
        for (std::size_t i = 0; i < 6; ++i)
            s.nodes[i]->dht.provide(content(1));
        co_await s.join();
        co_await until([&] { return s.nodes[7]->dht.records() >= 6; });
        EXPECT_EQ((co_await providers_of(s.nodes[7]->dht, content(1), 3)).size(), 3u);
        EXPECT_EQ((co_await providers_of(s.nodes[7]->dht, content(1), 20)).size(), 6u);
        co_await s.stop();
    });
}

TEST(kad_dht, goes_on_without_a_server_that_died) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        swarm s(ex, 6);
        co_await s.join();
        co_await until([&] { return s.nodes[5]->dht.servers() == 5; });
        co_await s.nodes[2]->stop();
        co_await s.nodes[0]->dht.find_peer(peer(77));
        EXPECT_EQ(s.nodes[0]->dht.servers(), 4u);
        for (const std::size_t i : {0u, 1u, 3u, 4u, 5u})
            co_await s.nodes[i]->stop();
    });
}

TEST(kad_dht, answers_what_the_specification_asks_of_a_server) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        swarm s(ex, 4);
        co_await s.join();
        co_await until([&] { return s.nodes[0]->dht.servers() == 3; });
        host::memory_host client(ex, s.net, peer(50));
        const auto server = s.nodes[0]->host.self();
        co_await client.connect(server, s.nodes[0]->host.addresses());

        const auto near = co_await exchange(
            client, server, {.type = message_type::find_node, .key = to_bytes(peer(2).bytes())});
        EXPECT_EQ(near->closer.size(), 3u);
        EXPECT_EQ(near->closer.at(0).id, peer(2)) << "the target first";
        const auto itself = co_await exchange(
            client, server, {.type = message_type::find_node, .key = to_bytes(server.bytes())});
        EXPECT_EQ(itself->closer.at(0).id, server);
        const auto value = co_await exchange(
            client, server, {.type = message_type::get_value, .key = to_bytes("/ipns/x")});
        EXPECT_EQ(value->closer.size(), 3u);
        EXPECT_FALSE(value->record);
        EXPECT_TRUE(co_await exchange(client, server, {.type = message_type::ping}));

        const message own{.type = message_type::add_provider,
                          .key = content(5).to_bytes(),
                          .providers = {{peer(50), client.addresses()}}};
        EXPECT_EQ((co_await exchange(client, server, own))->key, to_bytes("no answer"));
        const auto providers = co_await exchange(
            client, server, {.type = message_type::get_providers, .key = content(5).to_bytes()});
        EXPECT_EQ(providers->providers.at(0).id, peer(50));
        co_await client.stop();
        co_await s.stop();
    });
}

TEST(kad_dht, resets_streams_with_requests_that_mean_nothing) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        swarm s(ex, 1);
        host::memory_host client(ex, s.net, peer(50));
        const auto server = s.nodes[0]->host.self();
        co_await client.connect(server, s.nodes[0]->host.addresses());
        message foreign{.type = message_type::add_provider,
                        .key = content(5).to_bytes(),
                        .providers = {{peer(51), client.addresses()}}};
        message nowhere{.type = message_type::add_provider,
                        .key = content(5).to_bytes(),
                        .providers = {{peer(50), {}}}};
        message no_hash{.type = message_type::add_provider,
                        .key = to_bytes("x"),
                        .providers = {{peer(50), client.addresses()}}};
        message put{.type = message_type::put_value,
                    .key = to_bytes("/x/y"),
                    .record = record{to_bytes("/x/y"), to_bytes("v")}};
        message empty{.type = message_type::find_node};
        message long_key{.type = message_type::get_providers, .key = bytes(key_bytes_max + 1)};
        for (const auto& m : {foreign, nowhere, no_hash, put, empty, long_key}) {
            const auto reply = co_await exchange(client, server, m);
            EXPECT_FALSE(reply);
            if (!reply)
                EXPECT_EQ(reply.error().code, host::errc::stream_reset);
        }
        EXPECT_EQ(s.nodes[0]->dht.records(), 0u);
        auto opened = co_await client.open(server, {lan_protocol});
        bytes wire;
        append_varint(wire, request_bytes_max + 1);
        co_await opened.channel->write(wire);
        std::error_code code;
        try {
            std::array<std::byte, 1> one;
            co_await opened.channel->read_some(one);
        } catch (const failure& e) {
            code = e.code();
        }
        EXPECT_EQ(code, host::errc::stream_reset);
        opened.channel.reset();
        co_await client.stop();
        co_await s.stop();
    });
}

TEST(kad_dht, a_server_that_accepts_and_is_silent_is_given_up) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        host::memory_host a(ex, net, peer(1));
        host::memory_host silent(ex, net, peer(2));
        aio::event never(ex);
        silent.handle(lan_protocol, [&](host::inbound in) -> awaitable<void> {
            const auto keep = std::move(in);
            co_await never.wait();
        });
        dht d(ex, a, network::lan, 1, {.request_timeout = 50ms});
        d.start();
        co_await a.connect(silent.self(), silent.addresses());
        EXPECT_TRUE((co_await providers_of(d, content(1))).empty());
        EXPECT_EQ(d.servers(), 0u);
        co_await d.stop();
        co_await a.stop();
        co_await silent.stop();
    });
}

TEST(kad_routing, only_the_lan_is_served_where_there_are_no_public_addresses) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network net;
        host::memory_host a(ex, net, peer(1));
        host::memory_host b(ex, net, peer(2));
        routing ra(ex, a, 1, {.bootstrap_delay = 1ms});
        routing rb(ex, b, 2, {.bootstrap_delay = 1ms});
        ra.start();
        rb.start();
        ra.provide(content(1));
        co_await a.connect(b.self(), b.addresses());
        EXPECT_TRUE(b.find(peer(1))->speaks(lan_protocol));
        EXPECT_FALSE(b.find(peer(1))->speaks(wan_protocol));
        co_await until([&] { return rb.lan().records() == 1; });
        std::size_t found = 0;
        co_await rb.find_providers(content(1), 10, [&](const peer_info&) { ++found; });
        EXPECT_EQ(found, 1u);
        EXPECT_FALSE((co_await rb.find_peer(peer(1))).addresses.empty());
        co_await ra.stop();
        co_await rb.stop();
        co_await a.stop();
        co_await b.stop();
    });
}
