#include "content/bitswap/driver.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/varint.hpp"
#include "content/bitswap/driver_fetch.hpp"
#include "content/bitswap/driver_memory_blockstore.hpp"
#include "content/bitswap/for_test.hpp"
#include "libp2p/host/memory_host.hpp"
#include "multiformats/delimited.hpp"

using namespace dm;
using namespace dm::bitswap;
using namespace std::chrono_literals;
using multiformats::multiaddr;

namespace {

bytes content(unsigned n, std::size_t size) {
    bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i * 7 + n + i / 255 * n);
    return out;
}

/// A node that speaks bitswap, on a network in memory.
struct node {
    node(executor ex, host::memory_network& network, unsigned n, provider_search search = {},
         exchange_options o = {})
        : host(ex, network, peer(n)), bitswap(ex, workers, host, store, std::move(search), o) {
        bitswap.start();
    }
    awaitable<void> connect(node& other) {
        co_await host.connect(other.host.self(), other.host.addresses());
    }
    awaitable<void> stop() {
        co_await bitswap.stop();
        co_await host.stop();
    }

    aio::pool workers{1};
    host::memory_host host;
    memory_blockstore store;
    exchange bitswap;
};

/// A peer that says what the test wants it to.
struct raw_peer {
    raw_peer(executor ex, host::memory_network& network, unsigned n)
        : host(ex, network, peer(n)), changed(ex) {
        host.handle(protocol_1_2, [this](host::inbound in) { return serve(std::move(in)); });
    }
    awaitable<void> serve(host::inbound in) {
        multiformats::delimited_reader reader(message_bytes_max);
        bytes buffer(4096);
        while (const auto n = co_await in.channel->read_some(buffer)) {
            auto piece = byte_view(buffer).first(n);
            while (!piece.empty()) {
                piece = piece.subspan(value_or_throw(reader.feed(piece)));
                if (auto m = reader.take()) {
                    wires.push_back(*std::move(m));
                    changed.notify_all();
                }
            }
        }
    }
    /// The next message that the node sends.
    awaitable<message> next() {
        while (read == wires.size())
            co_await changed.wait();
        co_return value_or_throw(decode_message(wires[read++]));
    }
    awaitable<void> send(const peer_id& to, const message& m) {
        if (!out)
            out = (co_await host.open(to, {protocol_1_2})).channel;
        bytes wire;
        multiformats::append_delimited(wire, encode_message(m));
        co_await out->write(wire);
    }

    host::memory_host host;
    aio::event changed;
    std::vector<bytes> wires;
    std::size_t read = 0;
    std::unique_ptr<host::stream> out;
};

awaitable<std::error_code> code_of_get(fetcher& f, cid id) {
    try {
        co_await f.get(id);
    } catch (const failure& e) {
        co_return e.code();
    }
    co_return std::error_code{};
}

awaitable<void> until(std::function<bool()> holds) {
    while (!holds())
        co_await aio::sleep_for(5ms);
}

}  // namespace

TEST(bitswap_exchange, fetches_blocks_of_any_size_from_a_peer) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        node b(ex, network, 2);
        std::vector<cid> ids;
        for (const std::size_t size : {0u, 1u, 1024u, 1025u, 262'144u, 2'097'152u})
            ids.push_back(a.store.add(content(3, size)));
        co_await b.connect(a);
        {
            fetcher f(b.bitswap);
            for (const auto& id : ids) {
                const auto data = co_await f.get(id);
                EXPECT_EQ(cid::of(multiformats::codec::raw, *data), id);
            }
            EXPECT_EQ(f.sources(), 1u);
        }
        co_await a.stop();
        co_await b.stop();
    });
}

TEST(bitswap_exchange, fetches_ahead_from_several_peers_without_duplicates) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        node b(ex, network, 2);
        node c(ex, network, 3);
        std::vector<cid> ids;
        for (unsigned n = 0; n < 200; ++n) {
            ids.push_back(a.store.add(content(n, 50'000)));
            b.store.add(content(n, 50'000));
        }
        co_await c.connect(a);
        co_await c.connect(b);
        {
            fetcher f(c.bitswap);
            for (std::size_t i = 0; i < ids.size(); ++i) {
                co_await f.get_ahead(
                    {ids.begin() + static_cast<std::ptrdiff_t>(i),
                     ids.begin() + static_cast<std::ptrdiff_t>(std::min(i + 64, ids.size()))});
                co_await f.get(ids[i]);
            }
            EXPECT_EQ(f.sources(), 2u);
        }
        std::uint64_t received = 0;
        for (const auto& p : c.bitswap.peers()) {
            received += p.received_bytes;
            EXPECT_GT(p.received_blocks, 50u);
        }
        EXPECT_EQ(received, 200u * 50'000u);
        co_await a.stop();
        co_await b.stop();
        co_await c.stop();
    });
}

TEST(bitswap_exchange, waits_for_a_block_that_comes_into_the_store_later) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        raw_peer b(ex, network, 2);
        co_await b.host.connect(a.host.self(), a.host.addresses());
        const auto data = content(1, 5'000);
        const auto id = cid::of(multiformats::codec::raw, data);
        co_await b.send(a.host.self(), {.wants = {{.id = id, .send_dont_have = true}}});
        EXPECT_EQ((co_await b.next()).presences, (std::vector{presence{id, false}}));
        a.store.put(id, data);
        a.bitswap.store_changed();
        EXPECT_EQ((co_await b.next()).blocks.size(), 1u);
        co_await b.host.stop();
        co_await a.stop();
    });
}

TEST(bitswap_exchange, gives_up_when_nobody_has_it) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        node b(ex, network, 2);
        fetcher alone(b.bitswap);
        EXPECT_EQ(co_await code_of_get(alone, block_id(1)), errc::not_found);
        co_await b.connect(a);
        EXPECT_EQ(co_await code_of_get(alone, block_id(2)), errc::not_found);
        co_await a.stop();
        co_await b.stop();
    });
}

TEST(bitswap_exchange, finds_providers_and_connects_to_them) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        const auto id = a.store.add(content(1, 10'000));
        node b(ex, network, 2, [&](cid, provider_found found) -> awaitable<void> {
            found(peer(99), {});
            found(a.host.self(), a.host.addresses());
            co_return;
        });
        {
            fetcher f(b.bitswap);
            EXPECT_EQ((co_await f.get(id))->size(), 10'000u);
        }
        co_await a.stop();
        co_await b.stop();
    });
}

TEST(bitswap_exchange, a_peer_that_sends_wrong_bytes_costs_one_block_and_is_banned) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        raw_peer liar(ex, network, 2);
        const auto data = content(1, 100'000);
        const auto id = cid::of(multiformats::codec::raw, data);
        co_await liar.host.connect(a.host.self(), a.host.addresses());
        {
            fetcher f(a.bitswap);
            bool done = false;
            aio::task_group tasks(ex);
            const auto get = [&]() -> awaitable<void> {
                EXPECT_EQ(co_await code_of_get(f, id), errc::not_found);
                done = true;
            };
            tasks.spawn("get", get());
            EXPECT_EQ((co_await liar.next()).wants.at(0).id, id);
            const auto wrong = content(2, 100'000);
            co_await liar.send(a.host.self(), {.blocks = {{prefix_of(id), wrong}}});
            co_await until([&] { return a.host.peers().empty(); });
            co_await tasks.join();
            EXPECT_TRUE(done);
            EXPECT_EQ(f.received_bytes(), 0u);
        }
        std::error_code code;
        try {
            co_await a.host.connect(liar.host.self(), liar.host.addresses());
        } catch (const failure& e) {
            code = e.code();
        }
        EXPECT_EQ(code, host::errc::banned);
        liar.out.reset();
        co_await liar.host.stop();
        co_await a.stop();
    });
}

TEST(bitswap_exchange, goes_to_another_peer_when_one_is_silent) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        raw_peer silent(ex, network, 1);
        node b(ex, network, 2);
        exchange_options quick;
        quick.wants.silence_unknown = 200ms;
        node c(ex, network, 3, {}, quick);
        const auto id = b.store.add(content(1, 10'000));
        co_await silent.host.connect(c.host.self(), c.host.addresses());
        {
            fetcher f(c.bitswap);
            aio::task_group tasks(ex);
            const auto get = [&]() -> awaitable<void> {
                EXPECT_EQ((co_await f.get(id))->size(), 10'000u);
            };
            tasks.spawn("get", get());
            EXPECT_EQ((co_await silent.next()).wants.at(0).id, id);
            co_await c.connect(b);
            co_await tasks.join();
            const auto told = co_await silent.next();
            EXPECT_TRUE(told.wants.at(0).cancel);
        }
        co_await silent.host.stop();
        co_await b.stop();
        co_await c.stop();
    });
}

TEST(bitswap_exchange, drops_streams_with_broken_or_oversized_messages) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        raw_peer b(ex, network, 2);
        co_await b.host.connect(a.host.self(), a.host.addresses());
        bytes too_long;
        append_varint(too_long, message_bytes_max + 1);
        bytes unasked;
        append_varint(unasked, 600'000);
        for (const auto& wire : {too_long, unasked, bytes{std::byte{1}, std::byte{0x0a}}}) {
            auto out = (co_await b.host.open(a.host.self(), {protocol_1_2})).channel;
            co_await out->write(wire);
            std::error_code code;
            try {
                std::array<std::byte, 1> one;
                co_await out->read_some(one);
            } catch (const failure& e) {
                code = e.code();
            }
            EXPECT_EQ(code, host::errc::stream_reset);
        }
        const auto id = a.store.add(content(1, 10));
        co_await b.send(a.host.self(), {.wants = {{.id = id}}});
        EXPECT_EQ((co_await b.next()).blocks.size(), 1u) << "and serves on";
        b.out.reset();
        co_await b.host.stop();
        co_await a.stop();
    });
}

TEST(bitswap_exchange, a_peer_that_never_reads_does_not_hold_up_others) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        host::memory_host stuck(ex, network, peer(2));
        aio::event never(ex);
        stuck.handle(protocol_1_2, [&](host::inbound in) -> awaitable<void> {
            const auto keep = std::move(in);
            co_await never.wait();
        });
        std::vector<want> wants;
        std::vector<cid> ids;
        for (unsigned n = 0; n < 100; ++n) {
            ids.push_back(a.store.add(content(n, 200'000)));
            wants.push_back({.id = ids.back()});
        }
        co_await stuck.connect(a.host.self(), a.host.addresses());
        auto out = (co_await stuck.open(a.host.self(), {protocol_1_2})).channel;
        bytes wire;
        multiformats::append_delimited(wire, encode_message({.wants = wants}));
        co_await out->write(wire);
        node c(ex, network, 3);
        co_await c.connect(a);
        {
            fetcher f(c.bitswap);
            co_await f.get_ahead({ids.begin(), ids.begin() + 50});
            for (std::size_t i = 0; i < 50; ++i)
                co_await f.get(ids[i]);
        }
        out.reset();
        co_await stuck.stop();
        co_await c.stop();
        co_await a.stop();
    });
}

TEST(bitswap_exchange, forgets_a_peer_that_disconnects_while_it_is_served) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        node a(ex, network, 1);
        node b(ex, network, 2);
        std::vector<cid> ids;
        for (unsigned n = 0; n < 50; ++n)
            ids.push_back(a.store.add(content(n, 200'000)));
        for (int round = 0; round < 5; ++round) {
            co_await b.connect(a);
            fetcher f(b.bitswap);
            co_await f.get_ahead(ids);
            co_await f.get(ids[static_cast<std::size_t>(round)]);
            b.host.disconnect(a.host.self());
            EXPECT_TRUE(b.bitswap.peers().empty());
        }
        co_await b.connect(a);
        {
            fetcher f(b.bitswap);
            for (const auto& id : ids)
                co_await f.get(id);
        }
        co_await b.stop();
        co_await a.stop();
    });
}
