#include "content/sharing/driver.hpp"

#include <gtest/gtest.h>

#include <ranges>

#include "aio/run_for_test.hpp"
#include "aio/timeout.hpp"
#include "base/rng.hpp"
#include "base/temp_dir.hpp"
#include "content/store/file_dag.hpp"
#include "crypto/key.hpp"
#include "libp2p/host/memory_host.hpp"

using namespace dm;
using namespace dm::sharing;
using namespace std::chrono_literals;

namespace {

bytes random_bytes(std::size_t n, std::uint64_t seed) {
    rng r(seed);
    bytes out(n);
    for (auto& b : out)
        b = static_cast<std::byte>(r());
    return out;
}

crypto::digest digest_of(byte_view data) {
    return crypto::hash_of(crypto::hash_algorithm::sha256, data);
}

options quick() {
    options o;
    o.source_timeout = 500ms;
    o.idle_timeout = 3s;
    return o;
}

/// A node with a store, on a network in memory.
struct node {
    node(executor ex, host::memory_network& network, options o = quick())
        : host(ex, network, host::peer_id(crypto::private_key::generate().public_key())),
          store(ex, workers, folder / "store"),
          swarm(ex, workers, host, store, o) {
        swarm.start();
    }
    awaitable<void> connect(node& other) {
        co_await host.connect(other.host.self(), other.host.addresses());
    }
    awaitable<void> fetch(byte_view data, std::optional<multiformats::cid> root = {},
                          swarm_node::listener listen = {}) {
        const auto d = digest_of(data);
        auto lease = std::move(*co_await store.receive(d, data.size()));
        co_await swarm.fetch(*lease, std::move(root), std::move(listen));
        co_await store.finish(lease);
        EXPECT_EQ(co_await store.read(d, data.size()), to_bytes(data));
    }
    awaitable<void> stop() {
        co_await swarm.stop();
        co_await host.stop();
        co_await store.stop();
    }

    temp_dir folder;
    aio::pool workers{2};
    host::memory_host host;
    store::content_store store;
    swarm_node swarm;
};

enum class topology { everybody_to_everybody, chain };

/// Runs `body` with that many nodes, connected to each other.
template <class Body>
void with_nodes(std::size_t count, Body body, options o = quick(),
                topology t = topology::everybody_to_everybody,
                std::uint64_t upload_bytes_per_second = 0) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        host::memory_network network(upload_bytes_per_second);
        std::list<node> nodes;
        std::vector<node*> all;
        for (std::size_t i = 0; i < count; ++i)
            all.push_back(&nodes.emplace_back(ex, network, o));
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t k = i + 1; k < (t == topology::chain ? std::min(i + 2, count) : count);
                 ++k)
                co_await all[i]->connect(*all[k]);
        std::exception_ptr failed;
        try {
            co_await body(all);
        } catch (...) {
            failed = std::current_exception();
        }
        for (auto* n : all)
            co_await n->stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

TEST(swarm_node, fetches_a_blob_that_a_peer_holds) {
    const auto data = random_bytes(20 * store::leaf_bytes + 5, 1);
    with_nodes(2, [&](std::vector<node*>& n) -> awaitable<void> {
        co_await n[0]->store.put(digest_of(data), data);
        co_await n[1]->fetch(data);
        EXPECT_EQ(n[1]->swarm.wasted_bytes(), 0u);
    });
}

/// Four that begin together; returns how many copies the origin has sent.
double copies_for_four_receivers(byte_view data, std::uint64_t upload_bytes_per_second) {
    double copies = 0;
    const auto body = [&](std::vector<node*>& n) -> awaitable<void> {
        co_await n[0]->store.put(digest_of(data), data);
        std::vector<awaitable<void>> works;
        for (std::size_t i = 1; i < 5; ++i)
            works.push_back(n[i]->fetch(data));
        co_await aio::all_of(std::move(works));
        copies = static_cast<double>(n[0]->swarm.sent_bytes()) / static_cast<double>(data.size());
        for (std::size_t i = 1; i < 5; ++i)
            EXPECT_LT(n[i]->swarm.wasted_bytes(), data.size() / 20);
    };
    with_nodes(5, body, quick(), topology::everybody_to_everybody, upload_bytes_per_second);
    return copies;
}

// Where links are what is scarce: an origin that is faster than the news of what it has sent is no
// bottleneck, and may well send more.
TEST(swarm_node, four_receivers_take_one_copy_from_the_origin) {
    const auto data = random_bytes(60 * store::leaf_bytes, 2);
    EXPECT_LT(copies_for_four_receivers(data, 10'000'000), 1.3);
}

TEST(swarm_node, four_receivers_of_a_fast_origin_waste_next_to_nothing) {
    const auto data = random_bytes(60 * store::leaf_bytes, 2);
    EXPECT_LT(copies_for_four_receivers(data, 0), 4.05);
}

// The peers are two that have got the blob themselves, so that it comes in no order: eight leaves
// that nobody reads are among the first half of all once in 400 times.
TEST(swarm_node, what_a_client_reads_comes_before_the_rest) {
    constexpr std::uint32_t first = 40;
    options o = quick();
    o.scheduling.read_ahead_leaves = 8;
    const auto data = random_bytes(64 * store::leaf_bytes, 16);
    const auto d = digest_of(data);
    std::size_t held = 0;  // when what was read was there
    const auto body = [&](std::vector<node*>& n) -> awaitable<void> {
        co_await n[0]->store.put(d, data);
        co_await n[1]->fetch(data);
        co_await n[2]->fetch(data);
        for (auto* other : {n[1], n[2], n[3]})
            n[0]->host.disconnect(other->host.self());
        co_await n[3]->fetch(data, {}, [&](const fetch_progress&) {
            n[3]->swarm.reading(d, std::uint64_t{first} * store::leaf_bytes + 1);
            const auto coming = n[3]->store.arriving(d);
            const auto has = [&](std::uint32_t leaf) { return coming && (*coming)->has(leaf); };
            if (held == 0 && std::ranges::all_of(std::views::iota(first, first + 8), has))
                held =
                    static_cast<std::size_t>(std::ranges::count_if(std::views::iota(0u, 64u), has));
        });
    };
    with_nodes(4, body, o, topology::everybody_to_everybody, 40'000'000);
    EXPECT_GE(held, 8u);
    EXPECT_LT(held, 32u);
}

TEST(swarm_node, shares_a_blob_while_it_is_imported) {
    const auto data = random_bytes(12 * store::leaf_bytes + 100, 3);
    with_nodes(2, [&](std::vector<node*>& n) -> awaitable<void> {
        const auto d = digest_of(data);
        auto lease = std::move(*co_await n[0]->store.receive(d, data.size()));
        auto& a = *lease;
        const auto half = 6 * store::leaf_bytes;
        const auto feed = [&](std::size_t to) -> awaitable<void> {
            while (a.received() < to)
                if (!a.write(byte_view(data).subspan(
                        a.received(), std::min<std::size_t>(100'000, to - a.received()))))
                    co_await a.ready();
        };
        co_await feed(half);
        aio::task_group group(co_await asio::this_coro::executor);
        group.spawn("fetch", n[1]->fetch(data));
        while (n[1]->swarm.received_bytes() < half) {
            EXPECT_FALSE(a.complete());
            co_await aio::sleep_for(5ms);
        }
        co_await feed(data.size());
        co_await n[0]->store.finish(lease);
        co_await group.join();
        EXPECT_TRUE(co_await n[1]->store.find(d));
    });
}

TEST(swarm_node, passes_on_what_it_has_while_it_fetches) {
    const auto data = random_bytes(30 * store::leaf_bytes, 4);
    const auto body = [&](std::vector<node*>& n) -> awaitable<void> {
        co_await n[0]->store.put(digest_of(data), data);
        aio::event begun(co_await asio::this_coro::executor);
        bool has_begun = false;
        const auto note = [&](const fetch_progress&) {
            has_begun = true;
            begun.notify_all();
        };
        const auto far = [&]() -> awaitable<void> {  // it does not know the first
            while (!has_begun)
                co_await begun.wait();
            co_await n[2]->fetch(data);
        };
        std::vector<awaitable<void>> works;
        works.push_back(n[1]->fetch(data, {}, note));
        works.push_back(far());
        co_await aio::all_of(std::move(works));
    };
    with_nodes(3, body, quick(), topology::chain);
}

TEST(swarm_node, a_root_proves_the_list_of_blocks) {
    const auto data = random_bytes(5 * store::leaf_bytes, 5);
    with_nodes(2, [&](std::vector<node*>& n) -> awaitable<void> {
        const auto info = co_await n[0]->store.put(digest_of(data), data);
        co_await n[1]->fetch(data, info.root);
    });
}

TEST(swarm_node, gets_small_blobs_of_unknown_size) {
    const auto data = random_bytes(1234, 6);
    with_nodes(2, [&](std::vector<node*>& n) -> awaitable<void> {
        co_await n[0]->store.put(digest_of(data), data);
        EXPECT_EQ(co_await n[1]->swarm.get(digest_of(data), 4 << 20), data);
        EXPECT_TRUE(co_await n[1]->store.find(digest_of(data)));
        std::error_code seen;
        try {
            co_await n[1]->swarm.get(digest_of(as_bytes("nobody has it")), 4 << 20);
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, swarm::errc::not_found);
    });
}

TEST(swarm_node, goes_on_with_the_others_when_the_origin_leaves) {
    const auto data = random_bytes(10 * store::leaf_bytes, 7);
    with_nodes(3, [&](std::vector<node*>& n) -> awaitable<void> {
        co_await n[0]->store.put(digest_of(data), data);
        co_await n[1]->fetch(data);
        n[0]->host.disconnect(n[1]->host.self());
        n[0]->host.disconnect(n[2]->host.self());
        co_await n[2]->fetch(data);
    });
}

TEST(swarm_node, says_when_nobody_has_it) {
    const auto data = random_bytes(1000, 8);
    with_nodes(2, [&](std::vector<node*>& n) -> awaitable<void> {
        std::error_code seen;
        try {
            co_await n[1]->fetch(data);
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, swarm::errc::not_found);
        co_await n[0]->store.put(digest_of(data), data);
        co_await n[1]->fetch(data);
    });
}

TEST(swarm_node, becomes_a_source_when_it_goes_on_with_a_registry) {
    const auto data = random_bytes(6 * store::leaf_bytes, 9);
    with_nodes(2, [&](std::vector<node*>& n) -> awaitable<void> {
        const auto d = digest_of(data);
        aio::task_group group(co_await asio::this_coro::executor);
        bool refused = false;
        const auto first = [&]() -> awaitable<void> {
            auto lease = std::move(*co_await n[0]->store.receive(d, data.size()));
            try {
                co_await n[0]->swarm.fetch(*lease, {}, {});
            } catch (const failure&) {
                refused = true;
            }
            for (std::size_t at = 0; at < data.size(); at += store::leaf_bytes)
                if (!lease->write(byte_view(data).subspan(at, store::leaf_bytes)))
                    co_await lease->ready();
            co_await n[0]->store.finish(lease);
        };
        group.spawn("first", first());
        while (!refused)
            co_await aio::sleep_for(5ms);
        std::string trouble;
        try {
            co_await n[1]->fetch(data);
        } catch (const failure& e) {
            trouble = e.what();
        }
        co_await group.join();
        EXPECT_EQ(trouble, "");
    });
}

swarm::leaf_buffer wrong_leaf() {
    swarm::leaf_buffer out(store::leaf_bytes);
    std::ranges::fill(out.data(), std::byte{1});
    return out;
}

/// A peer that says what the test wants it to.
struct raw_peer {
    using script = std::function<void(raw_peer&, const swarm::message&)>;

    raw_peer(executor ex, host::memory_network& network, script f)
        : host(ex, network, host::peer_id(crypto::private_key::generate().public_key())),
          tasks(ex),
          wake(ex),
          on_message(std::move(f)) {
        host.handle(protocol_id, [this](host::inbound in) -> awaitable<void> {
            bytes buffer(100'000);
            tasks.spawn("write", write(in.peer));
            while (const auto n = co_await in.channel->read_some(buffer)) {
                if (!session.feed(byte_view(buffer).first(n)))
                    break;
                while (auto e = session.poll())
                    if (const auto* m = std::get_if<swarm::message>(&*e))
                        on_message(*this, *m);
                wake.notify_all();
            }
        });
    }
    awaitable<void> write(host::peer_id to) {
        auto out = co_await host.open(to, {protocol_id});
        for (;;) {
            const auto data = session.pending();
            if (data.empty()) {
                co_await wake.wait();
                continue;
            }
            co_await out.channel->write(data);
            session.sent(data.size());
        }
    }
    awaitable<void> stop() {
        tasks.cancel();
        co_await host.stop();
        co_await tasks.join();
    }

    host::memory_host host;
    swarm::session session;
    aio::task_group tasks;
    aio::event wake;
    script on_message;
    int asked = 0;
};

/// An honest holder, a receiver, and a bad peer that claims to hold all of it.
template <class Script, class Check>
void beside_a_bad_peer(byte_view data, Script script, Check check) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        host::memory_network network;
        options o = quick();
        o.scheduling.stall_min = 300ms;
        o.source_timeout = 5s;
        o.idle_timeout = 15s;
        node honest(ex, network), receiver(ex, network, o);
        raw_peer bad(ex, network, script);
        const auto info = co_await honest.store.put(digest_of(data), data);
        co_await receiver.host.connect(bad.host.self(), bad.host.addresses());
        co_await receiver.connect(honest);
        std::exception_ptr failed;
        try {
            co_await check(receiver, bad, info);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await bad.stop();
        for (auto* n : {&honest, &receiver})
            co_await n->stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

/// Claims everything, with the right hashes.
void claim_all(raw_peer& p, const swarm::message& m, byte_view data) {
    const auto leaves = swarm::leaf_count(data.size());
    if (const auto* j = std::get_if<swarm::join>(&m); j && j->wants) {
        p.session.send(swarm::join{
            0, j->digest, data.size(), true, swarm::role::partner, false, false, {{{0, leaves}}}});
    } else if (std::holds_alternative<swarm::ask_leaves>(m)) {
        swarm::leaves out;
        for (std::uint32_t i = 0; i < leaves; ++i)
            out.hashes.push_back(crypto::sha256(data.subspan(
                i * store::leaf_bytes,
                std::min<std::size_t>(store::leaf_bytes, data.size() - i * store::leaf_bytes))));
        p.session.send(out);
    }
}

TEST(swarm_node, wrong_bytes_cost_one_block_and_the_peer_is_banned) {
    const auto data = random_bytes(30 * store::leaf_bytes, 11);
    beside_a_bad_peer(
        data,
        [&](raw_peer& p, const swarm::message& m) {
            claim_all(p, m, data);
            if (const auto* a = std::get_if<swarm::ask_leaf>(&m)) {
                ++p.asked;
                p.session.send_block(0, a->leaf, wrong_leaf());
            }
        },
        [&](node& receiver, raw_peer& bad, const store::blob_info& info) -> awaitable<void> {
            co_await receiver.fetch(data, info.root);
            EXPECT_LE(bad.asked, 1);
            EXPECT_LE(receiver.swarm.wasted_bytes(), store::leaf_bytes);
            EXPECT_EQ(receiver.host.find(bad.host.self()).has_value(), bad.asked == 0);
        });
}

TEST(swarm_node, a_peer_that_never_sends_what_it_is_asked_for_costs_one_wait) {
    const auto data = random_bytes(30 * store::leaf_bytes, 12);
    beside_a_bad_peer(
        data,
        [&](raw_peer& p, const swarm::message& m) {
            claim_all(p, m, data);
            p.asked += std::holds_alternative<swarm::ask_leaf>(m);
        },
        [&](node& receiver, raw_peer& bad, const store::blob_info& info) -> awaitable<void> {
            co_await receiver.fetch(data, info.root);
            EXPECT_LE(bad.asked, 1);
        });
}

TEST(swarm_node, a_lying_list_is_found_out_before_a_block_is_asked_for) {
    const auto data = random_bytes(10 * store::leaf_bytes, 13);
    beside_a_bad_peer(
        data,
        [&](raw_peer& p, const swarm::message& m) {
            if (std::holds_alternative<swarm::ask_leaves>(m))
                p.session.send(
                    swarm::leaves{0, 0, std::vector(10, crypto::sha256(as_bytes("lie")))});
            else
                claim_all(p, m, data);
            p.asked += std::holds_alternative<swarm::ask_leaf>(m);
        },
        [&](node& receiver, raw_peer& bad, const store::blob_info& info) -> awaitable<void> {
            co_await receiver.fetch(data, info.root);
            EXPECT_EQ(bad.asked, 0);
            EXPECT_EQ(receiver.swarm.wasted_bytes(), 0u);
        });
}

TEST(swarm_node, without_a_root_a_lying_list_costs_a_few_blocks) {
    const auto data = random_bytes(10 * store::leaf_bytes, 14);
    beside_a_bad_peer(
        data,
        [&](raw_peer& p, const swarm::message& m) {
            if (std::holds_alternative<swarm::ask_leaves>(m))
                p.session.send(
                    swarm::leaves{0, 0, std::vector(10, crypto::sha256(as_bytes("lie")))});
            else
                claim_all(p, m, data);
        },
        [&](node& receiver, raw_peer&, const store::blob_info&) -> awaitable<void> {
            co_await receiver.fetch(data);
            EXPECT_LE(receiver.swarm.wasted_bytes(), 10u * store::leaf_bytes);
        });
}

TEST(swarm_node, questions_about_what_is_not_here_stay_cheap) {
    const auto data = random_bytes(3 * store::leaf_bytes, 15);
    beside_a_bad_peer(
        data,
        [&](raw_peer& p, const swarm::message&) {
            if (p.asked++ > 0)
                return;
            for (swarm::channel_no c = 0; c < 1000; ++c) {
                const auto d = digest_of(random_bytes(8, 1000 + c));
                p.session.send(swarm::join{c, d, 0, false, {}, true, false, {}});
            }
        },
        [&](node& receiver, raw_peer&, const store::blob_info&) -> awaitable<void> {
            co_await receiver.fetch(data);
        });
}

TEST(swarm_node, who_asks_without_end_does_not_keep_others_from_being_answered) {
    const auto data = random_bytes(3 * store::leaf_bytes, 16);
    std::uint64_t questions = 0;
    const auto ask = [&](raw_peer& p) {
        const auto channel = static_cast<swarm::channel_no>(questions % swarm::channels_max);
        p.session.send(swarm::join{channel,
                                   digest_of(random_bytes(8, 1000 + questions++)),
                                   0,
                                   false,
                                   {},
                                   true,
                                   false,
                                   {}});
    };
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        host::memory_network network;
        node holder(ex, network), receiver(ex, network);
        raw_peer bad(ex, network, [&](raw_peer& p, const swarm::message&) {
            while (p.asked < 1000) {
                ++p.asked;
                ask(p);
            }
            ask(p);  // for every answer another question
        });
        co_await holder.store.put(digest_of(data), data);
        co_await holder.host.connect(bad.host.self(), bad.host.addresses());
        std::exception_ptr failed;
        try {
            // The holder opens a stream to all its peers: the bad one begins.
            EXPECT_EQ((co_await holder.swarm.get(digest_of(to_bytes("nothing")), 10)).size(), 0u);
        } catch (const failure& e) {
            EXPECT_EQ(e.code(), swarm::errc::not_found);
        }
        co_await receiver.connect(holder);
        try {
            co_await receiver.fetch(data);
        } catch (...) {
            failed = std::current_exception();
        }
        EXPECT_GT(questions, 1000u) << "it went on asking";
        co_await bad.stop();
        for (auto* n : {&holder, &receiver})
            co_await n->stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

}  // namespace
