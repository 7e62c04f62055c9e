#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "content/bitswap/driver_fetch.hpp"
#include "content/bitswap/driver_memory_blockstore.hpp"
#include "content/bitswap/for_test.hpp"
#include "libp2p/host/tcp_host.hpp"
#include "multiformats/delimited.hpp"

/// What hostile peers can do to the exchange, over real connections.
using namespace dm;
using namespace dm::bitswap;
using namespace std::chrono_literals;

namespace {

bytes content(unsigned n, std::size_t size) {
    bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i * 7 + n + i / 255 * n);
    return out;
}

struct listening_host {
    listening_host(executor ex, aio::pool& workers)
        : host(ex, workers, crypto::private_key::generate(), {}) {
        host.listen(value_or_throw(multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/0")));
        host.start();
    }
    awaitable<void> connect(listening_host& other) {
        co_await host.connect(other.host.self(), other.host.addresses());
    }

    host::tcp_host host;
};

struct node : listening_host {
    node(executor ex, aio::pool& workers)
        : listening_host(ex, workers), bitswap(ex, workers, host, store) {
        bitswap.start();
    }
    awaitable<void> stop() {
        co_await bitswap.stop();
        co_await host.stop();
    }

    memory_blockstore store;
    exchange bitswap;
};

bytes framed(const message& m) {
    bytes out;
    multiformats::append_delimited(out, encode_message(m));
    return out;
}

awaitable<void> until(std::function<bool()> holds) {
    while (!holds())
        co_await aio::sleep_for(5ms);
}

/// How long an honest peer takes to get blocks 0..count-1 of `from`.
awaitable<std::chrono::steady_clock::duration> time_of_honest_fetch(executor ex, aio::pool& workers,
                                                                    node& from,
                                                                    std::vector<cid> ids) {
    node honest(ex, workers);
    co_await honest.connect(from);
    const auto begin = std::chrono::steady_clock::now();
    {
        fetcher f(honest.bitswap);
        for (std::size_t i = 0; i < ids.size(); ++i) {
            std::vector<cid> ahead(ids.begin() + static_cast<std::ptrdiff_t>(i), ids.end());
            co_await f.get_ahead(std::move(ahead));
            co_await f.get(ids[i]);
        }
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    co_await honest.stop();
    co_return took;
}

}  // namespace

TEST(bitswap_hostile, wrong_bytes_cost_one_block_and_the_connection) {
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        node a(ex, workers);
        listening_host liar(ex, workers);
        const auto data = content(1, 200'000);
        const auto wrong = content(2, 200'000);
        const auto id = cid::of(multiformats::codec::raw, data);
        std::size_t asked = 0;
        liar.host.handle(protocol_1_2, [&](host::inbound in) -> awaitable<void> {
            std::array<std::byte, 1000> buffer;
            co_await in.channel->read_some(buffer);
            ++asked;
            auto out = (co_await liar.host.open(in.peer, {protocol_1_2})).channel;
            for (int i = 0; i < 10; ++i)
                co_await out->write(framed({.blocks = {{prefix_of(id), wrong}}}));
        });
        co_await a.connect(liar);
        {
            fetcher f(a.bitswap);
            std::error_code code;
            try {
                co_await f.get(id);
            } catch (const failure& e) {
                code = e.code();
            }
            EXPECT_EQ(code, errc::not_found);
            EXPECT_EQ(f.received_bytes(), 0u);
        }
        EXPECT_EQ(asked, 1u);
        EXPECT_FALSE(a.host.find(liar.host.self())) << "the liar is gone";
        EXPECT_TRUE(a.bitswap.peers().empty());
        co_await liar.host.stop();
        co_await a.stop();
    });
}

TEST(bitswap_hostile, floods_of_wants_and_readers_that_do_not_read_slow_nobody_down) {
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        node a(ex, workers);
        std::vector<cid> ids;
        for (unsigned n = 0; n < 200; ++n)
            ids.push_back(a.store.add(content(n, 100'000)));
        const auto alone = co_await time_of_honest_fetch(ex, workers, a, ids);

        std::vector<std::unique_ptr<listening_host>> hostile;
        std::vector<std::unique_ptr<host::stream>> streams;
        aio::event never(ex);
        for (int i = 0; i < 4; ++i) {
            hostile.push_back(std::make_unique<listening_host>(ex, workers));
            auto& h = *hostile.back();
            h.host.handle(protocol_1_2, [&](host::inbound in) -> awaitable<void> {
                const auto keep = std::move(in);
                co_await never.wait();  // and reads nothing
            });
            co_await h.connect(a);
            streams.push_back((co_await h.host.open(a.host.self(), {protocol_1_2})).channel);
            std::vector<want> wants;
            for (const auto& id : ids)
                wants.push_back({.id = id});
            for (unsigned n = 0; n < 10'000; ++n)
                wants.push_back({.id = block_id(n), .send_dont_have = true});
            co_await streams.back()->write(framed({.wants = wants}));
        }
        const auto with_them = co_await time_of_honest_fetch(ex, workers, a, ids);
        EXPECT_LT(with_them, alone * 3 + 500ms) << "generous: other programs run here, too";
        for (const auto& p : a.bitswap.peers())
            EXPECT_LE(p.sent.wants, server_options{}.wants_per_peer_max);
        for (auto& s : streams)
            s->reset();
        for (auto& h : hostile)
            co_await h->host.stop();
        co_await a.stop();
    });
}

TEST(bitswap_hostile, a_message_that_comes_a_byte_at_a_time_costs_its_sender_only) {
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        node a(ex, workers);
        const auto id = a.store.add(content(1, 100'000));
        listening_host slow(ex, workers);
        co_await slow.connect(a);
        std::vector<std::unique_ptr<host::stream>> streams;
        const auto wire = framed({.wants = {{.id = id}}});
        for (int i = 0; i < 20; ++i) {
            streams.push_back((co_await slow.host.open(a.host.self(), {protocol_1_2})).channel);
            co_await streams.back()->write(byte_view(wire).first(1 + static_cast<std::size_t>(i)));
        }
        std::vector<cid> ids{id};
        co_await time_of_honest_fetch(ex, workers, a, ids);
        bool served = false;
        slow.host.handle(protocol_1_2, [&](host::inbound in) -> awaitable<void> {
            std::array<std::byte, 1000> buffer;
            served = co_await in.channel->read_some(buffer) > 0;
        });
        co_await streams[5]->write(byte_view(wire).subspan(6));
        co_await until([&] { return served; });
        for (auto& s : streams)
            s->reset();
        co_await slow.host.stop();
        co_await a.stop();
    });
}
