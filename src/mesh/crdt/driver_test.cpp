#include "mesh/crdt/driver.hpp"

#include <gtest/gtest.h>

#include "mesh/crdt/driver_world_for_test.hpp"
#include "mesh/crdt/sync_message.hpp"
#include "mesh/state/table_conformance.hpp"
#include "multiformats/delimited.hpp"

using namespace dm;
using namespace dm::crdt;
using namespace std::chrono_literals;

TEST(shared_map, is_a_table) {
    in_world([](world& w) -> awaitable<void> { co_await state::check_table(w.add().map); });
}

TEST(shared_map, what_one_writes_the_other_has) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        auto& b = w.add();
        co_await a.connect(b);
        co_await w.know_each_other();
        std::vector<std::string> seen;
        const auto watching = b.map.watch([&](const state::change& c) {
            seen.push_back(c.key + "=" + c.value.value_or("(deleted)"));
        });
        co_await a.map.set("/k", "1");
        co_await until([&] { return b.at("/k") == "1"; });
        co_await b.map.set("k", "2");
        co_await until([&] { return a.at("/k") == "2"; });
        co_await a.map.erase("/k");
        co_await until([&] { return b.at("/k") == "(none)"; });
        EXPECT_EQ(seen, (std::vector<std::string>{"/k=1", "/k=2", "/k=(deleted)"}));
    });
}

TEST(shared_map, has_one_head_for_each_side_that_wrote_apart_until_a_change_joins_them) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        auto& b = w.add();
        EXPECT_TRUE((co_await a.map.heads()).empty());
        co_await a.map.set("/a", "1");
        co_await b.map.set("/b", "1");
        co_await a.connect(b);
        co_await until([&] { return a.at("/b") == "1" && b.at("/a") == "1"; });
        EXPECT_EQ((co_await a.map.heads()).size(), 2U);
        co_await a.map.set("/both", "1");
        const auto joined = co_await a.map.heads();
        EXPECT_EQ(joined.size(), 1U);
        EXPECT_EQ(joined.front().height, 2U);
        EXPECT_EQ(a.map.counts().blocks, 3U);
    });
}

TEST(shared_map, changes_travel_over_hops_in_both_directions) {
    in_world([](world& w) -> awaitable<void> {
        for (int i = 0; i < 4; ++i) {
            auto& s = w.add();
            if (i > 0)
                co_await s.connect(*w.sites[static_cast<std::size_t>(i - 1)]);
        }
        co_await w.know_each_other();
        for (std::size_t i = 0; i < 4; ++i)
            co_await w.sites[i]->map.set("/from" + std::to_string(i), "x");
        for (const auto& s : w.sites)
            co_await until([&] { return s->map.all().size() == 4; });
    });
}

TEST(shared_map, a_joiner_gets_the_state_without_a_broadcast) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        for (int i = 0; i < 300; ++i)
            co_await a.map.set("/k" + std::to_string(i % 40), std::to_string(i));
        auto& b = w.add();
        co_await b.connect(a);
        co_await until([&] { return b.map.all() == a.map.all(); });
        EXPECT_EQ(b.map.counts().blocks, 300u);
        EXPECT_TRUE(b.exchange.peers().at(0).received_blocks == 0u) << "in one stream";
    });
}

TEST(shared_map, both_sides_catch_up_after_both_have_written_apart) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        auto& b = w.add();
        co_await a.map.set("/base", "1");
        co_await a.connect(b);
        co_await until([&] { return b.at("/base") == "1"; });
        a.host.disconnect(b.host.self());
        for (int i = 0; i < 50; ++i) {
            co_await a.map.set("/a" + std::to_string(i), "a");
            co_await b.map.set("/b" + std::to_string(i), "b");
        }
        co_await b.map.erase("/base");
        co_await a.connect(b);
        co_await until([&] { return a.map.all().size() == 100 && b.map.all().size() == 100; });
        EXPECT_EQ(a.map.all(), b.map.all());
    });
}

TEST(shared_map, walks_the_history_of_peers_that_only_speak_bitswap) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add({.announcer = {.interval_min = 100ms}});
        a.host.stop_handling(sync_protocol);
        for (int i = 0; i < 100; ++i)
            co_await a.map.set("/k" + std::to_string(i), std::to_string(i));
        auto& b = w.add();
        co_await b.connect(a);
        co_await until([&] { return b.map.all() == a.map.all(); });
        EXPECT_EQ(b.map.counts().blocks, 100u);
        EXPECT_GE(b.exchange.peers().at(0).received_blocks, 100u);
    });
}

TEST(shared_map, mends_a_gap_in_its_history) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        for (int i = 0; i < 30; ++i)
            co_await a.map.set("/k" + std::to_string(i), std::to_string(i));
        const auto file = w.next_file();
        {
            // Only the newest block came through before the peer went away.
            const auto head =
                (co_await a.blocks.read([](reader& r) { return r.locator(1); })).at(0);
            replica r(file);
            r.merge({{head, *(co_await a.blocks.block(head))}});
        }
        for (const bool has_sync : {true, false}) {
            const auto copy = w.next_file();
            std::filesystem::copy_file(file, copy);
            if (!has_sync)
                a.host.stop_handling(sync_protocol);
            site b(co_await asio::this_coro::executor, w.net, w.workers, copy);
            EXPECT_EQ(b.map.all().size(), 1u);
            co_await b.connect(a);
            co_await until([&] { return b.map.all() == a.map.all(); });
            co_await b.stop();
        }
    });
}

TEST(shared_map, has_everything_after_a_restart) {
    in_world([](world& w) -> awaitable<void> {
        const auto file = w.next_file();
        {
            site s(co_await asio::this_coro::executor, w.net, w.workers, file);
            co_await s.map.set_all({{"/a", "1"}, {"/b", "2"}, {"/b/", "3"}});
            co_await s.map.erase("/a");
            co_await s.stop();
        }
        site s(co_await asio::this_coro::executor, w.net, w.workers, file);
        EXPECT_EQ(s.map.all(), (state::table::entries{{"/b", "3"}}));
        co_await s.stop();
    });
}

TEST(shared_map, a_member_that_floods_is_slowed_down_and_named_and_nobody_else) {
    ::testing::internal::CaptureStderr();
    std::string flooder;
    std::string honest;
    in_world([&](world& w) -> awaitable<void> {
        auto o = quiet();
        o.author_cost_per_second = 20 * 1'200;  // some 20 changes a second
        o.author_burst = 1s;
        o.batch_blocks = 8;
        auto& a = w.add(o);
        auto& b = w.add(o);
        auto& c = w.add(o);
        co_await a.connect(b);
        co_await c.connect(b);
        co_await w.know_each_other();
        flooder = a.host.self().to_string();
        honest = c.host.self().to_string();
        for (int i = 0; i < 300; ++i)
            co_await a.map.set("/flood" + std::to_string(i), "x");
        const auto begin = std::chrono::steady_clock::now();
        co_await c.map.set("/honest", "1");
        co_await until([&] { return b.at("/honest") == "1"; });
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
        EXPECT_LT(b.map.all().size(), 200u);
        EXPECT_LT(c.map.all().size(), 200u);
    });
    const auto told = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(told.find("floods the shared state"), std::string::npos) << told;
    EXPECT_NE(told.find(flooder), std::string::npos) << told;
    EXPECT_EQ(told.find("floods the shared state and is slowed down peer=" + honest),
              std::string::npos);
}

TEST(shared_map, rubbish_on_the_topic_changes_nothing) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        auto& b = w.add();
        co_await a.connect(b);
        co_await w.know_each_other();
        b.pubsub.publish("globaldb-topic", as_bytes("rubbish"));
        b.pubsub.publish("globaldb-topic", encode_broadcast({cid_of(as_bytes("nobody has it"))}));
        co_await b.map.set("/k", "v");
        co_await until([&] { return a.at("/k") == "v"; });
        EXPECT_EQ(a.pubsub.counts().rejected, 1u);
        EXPECT_EQ(a.map.all().size(), 1u);
    });
}

TEST(shared_map, a_peer_that_answers_rubbish_does_not_stop_it) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        host::memory_host other(co_await asio::this_coro::executor, w.net,
                                peer_id(crypto::private_key::generate().public_key()));
        int asked = 0;
        other.handle(sync_protocol, [&](host::inbound in) -> awaitable<void> {
            ++asked;
            std::array<std::byte, 1000> request;
            while (co_await in.channel->read_some(request) > 0) {
            }
            bytes wire;
            multiformats::append_delimited(wire, as_bytes("no block"));
            co_await in.channel->write(wire);
        });
        co_await a.host.connect(other.self(), other.addresses());
        co_await until([&] { return a.map.counts().malformed == 1; });
        auto& b = w.add();
        co_await b.map.set("/k", "v");
        co_await a.connect(b);
        co_await until([&] { return a.at("/k") == "v"; });
        EXPECT_EQ(asked, 1);
        co_await other.stop();
    });
}

TEST(crdt_sync, requests_are_read_as_written_up_to_a_bound) {
    const std::vector<cid> many(sync_ids_max + 1, cid_of(as_bytes("x")));
    const auto request = encode_sync_request(many);
    EXPECT_LE(request.size(), sync_request_bytes_max);
    EXPECT_EQ(decode_sync_request(request)->size(), sync_ids_max);
    EXPECT_TRUE(decode_sync_request({})->empty());
    EXPECT_FALSE(decode_sync_request(bytes{std::byte{8}, std::byte{1}}));
}
