#include "content/swarm/scheduler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace dm::swarm {
namespace {

using namespace std::chrono_literals;

/// A scheduler, and what it has asked for.
struct bench {
    holdings who;
    scheduler s{who, 1};
    steady_time now{};
    std::vector<std::pair<peer_no, leaf_ref>> asks;
    std::vector<peer_no> blanks;
    std::vector<std::optional<std::uint32_t>> froms;  ///< of the blanks
    std::vector<std::pair<peer_no, leaf_ref>> cancels;
    std::vector<peer_no> drops;

    blob_no blob(std::uint32_t leaves) {
        return who.add_blob(std::uint64_t{leaves} * leaf_bytes, leaf_set(leaves), role::partner);
    }
    peer_no peer(blob_no b, bool all = true, role as = role::partner) {
        const auto p = who.add_peer();
        s.peer_joined(now, p);
        leaf_set set(who.mine(b).size());
        if (all)
            set.set_all();
        who.peer_has(p, b, set, as);
        s.peer_gained(now, p);
        take();
        return p;
    }
    void take() {
        while (const auto a = s.poll()) {
            if (const auto* x = std::get_if<ask>(&*a))
                asks.emplace_back(x->peer, x->leaf);
            else if (const auto* y = std::get_if<ask_any>(&*a))
                blanks.push_back(y->peer), froms.push_back(y->from);
            else if (const auto* z = std::get_if<cancel>(&*a))
                cancels.emplace_back(z->peer, z->leaf);
            else
                drops.push_back(std::get<drop>(*a).peer);
        }
    }
    void deliver(peer_no p, leaf_ref leaf) {
        s.progress(now, p, leaf, who.leaf_size(leaf));
        who.gained(leaf);
        s.received(now, p, leaf);
        take();
    }
    void pass(std::chrono::milliseconds time) {
        for (const auto end = now + time; now < end;) {
            now += 50ms;
            s.tick(now);
            take();
        }
    }
};

TEST(scheduler, asks_an_unproven_peer_for_one_leaf_and_then_for_more) {
    bench b;
    const auto blob = b.blob(100);
    b.s.want(b.now, blob);
    const auto p = b.peer(blob);
    ASSERT_EQ(b.asks.size(), 1u);
    b.now += 10ms;
    b.deliver(p, b.asks[0].second);
    EXPECT_GT(b.asks.size(), 3u);
    EXPECT_LE(b.s.outstanding(), scheduler_options{}.peer_leaves_max);
}

TEST(scheduler, fetches_every_leaf_once) {
    bench b;
    const auto blob = b.blob(300);
    b.s.want(b.now, blob);
    b.peer(blob);
    b.peer(blob);
    std::set<leaf_ref> seen;
    for (std::size_t i = 0; i < b.asks.size(); ++i) {
        b.now += 5ms;
        EXPECT_TRUE(seen.insert(b.asks[i].second).second);
        b.deliver(b.asks[i].first, b.asks[i].second);
    }
    EXPECT_EQ(seen.size(), 300u);
    EXPECT_TRUE(b.who.mine(blob).full());
    EXPECT_EQ(b.s.outstanding(), 0u);
}

TEST(scheduler, asks_for_the_rarest_first) {
    bench b;
    const auto blob = b.blob(50);
    for (int i = 0; i < 3; ++i) {
        const auto p = b.peer(blob);
        if (i > 0)
            b.who.peer_lost(p, {blob, 33});
    }
    b.s.want(b.now, blob);
    b.take();
    EXPECT_TRUE(std::ranges::any_of(b.asks, [&](const auto& a) { return a.second.leaf == 33; }));
}

TEST(scheduler, nodes_break_ties_differently) {
    std::set<std::uint32_t> first;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        holdings who;
        scheduler s(who, seed);
        const auto blob = who.add_blob(100 * leaf_bytes, leaf_set(100), role::partner);
        const auto p = who.add_peer();
        leaf_set all(100);
        all.set_all();
        who.peer_has(p, blob, all, role::partner);
        s.peer_joined({}, p);
        s.want({}, blob);
        const auto a = s.poll();
        ASSERT_TRUE(a && std::holds_alternative<ask>(*a));
        first.insert(std::get<ask>(*a).leaf.leaf);
    }
    EXPECT_GT(first.size(), 4u);
}

TEST(scheduler, asks_a_source_for_any_leaf_and_nobody_else_for_the_one_it_chose) {
    bench b;
    const auto blob = b.blob(100);
    const auto origin = b.peer(blob, true, role::source);
    b.s.directs(b.now, origin, blob, true);
    b.s.want(b.now, blob);
    b.take();
    EXPECT_TRUE(b.asks.empty());
    ASSERT_EQ(b.blanks.size(), 1u);
    b.s.chosen(b.now, origin, {blob, 7});
    const auto other = b.peer(blob, false);
    b.who.peer_gained(other, {blob, 7});
    b.s.peer_gained(b.now, other);
    b.take();
    EXPECT_TRUE(b.asks.empty());
    b.deliver(origin, {blob, 7});
    EXPECT_GT(b.blanks.size(), 2u);
    b.s.directs(b.now, origin, blob, false);
    b.take();
    EXPECT_FALSE(b.asks.empty()) << "what is left is asked for by name";
}

TEST(scheduler, asks_its_only_source_in_order_and_leaves_the_choice_to_several) {
    bench b;
    const auto blob = b.blob(1000);
    const auto origin = b.peer(blob, true, role::source);
    b.s.directs(b.now, origin, blob, true);
    b.s.want(b.now, blob);
    b.take();
    EXPECT_EQ(b.froms.back(), 0u);
    for (std::uint32_t leaf = 0; leaf < 70; ++leaf) {
        b.s.chosen(b.now, origin, {blob, leaf});
        b.deliver(origin, {blob, leaf});
    }
    EXPECT_EQ(b.froms.back(), 70u);
    const auto second = b.peer(blob, false, role::source);
    b.s.directs(b.now, second, blob, true);
    b.take();
    EXPECT_EQ(b.blanks.back(), second);
    EXPECT_EQ(b.froms.back(), std::nullopt);
}

TEST(scheduler, a_small_blob_never_waits_behind_a_layer) {
    bench b;
    const auto layer = b.blob(1000);
    const auto p = b.peer(layer);
    b.s.want(b.now, layer);
    for (std::size_t i = 0; i < 40; ++i) {
        b.now += 1ms;
        b.take();
        b.deliver(p, b.asks[i].second);
    }
    const auto manifest = b.who.add_blob(1000, leaf_set(1), role::partner);
    leaf_set all(1);
    all.set_all();
    b.who.peer_has(p, manifest, all, role::partner);
    b.s.want(b.now, manifest);
    const auto asked = b.asks.size();
    b.take();
    b.deliver(p, b.asks[40].second);
    ASSERT_GT(b.asks.size(), asked);
    EXPECT_EQ(b.asks[asked].second.blob, manifest);
}

TEST(scheduler, what_a_reader_waits_for_comes_first_and_in_order) {
    bench b;
    const auto blob = b.blob(500);
    const auto p = b.peer(blob);
    b.s.want(b.now, blob);
    b.s.read_from(b.now, blob, 100);
    b.take();
    for (std::size_t i = 0; i < 20; ++i) {
        b.now += 2ms;
        b.deliver(p, b.asks[i].second);
    }
    for (std::uint32_t i = 1; i < 20; ++i)
        EXPECT_EQ(b.asks[i].second.leaf, 99 + i);
}

TEST(scheduler, a_stalled_peer_is_replaced_and_in_the_end_dropped) {
    bench b;
    const auto blob = b.blob(3);
    b.s.want(b.now, blob);
    const auto silent = b.peer(blob);
    ASSERT_EQ(b.asks.size(), 1u);
    const auto leaf = b.asks[0].second;
    b.pass(6s);
    ASSERT_EQ(b.cancels.size(), 1u);
    EXPECT_EQ(b.asks.size(), 1u) << "no second leaf for a peer that never delivered";
    const auto good = b.peer(blob);
    for (std::size_t i = 1; i < b.asks.size(); ++i) {
        EXPECT_EQ(b.asks[i].first, good);
        b.deliver(good, b.asks[i].second);
    }
    EXPECT_TRUE(b.who.mine(blob).test(leaf.leaf));
    EXPECT_TRUE(b.who.mine(blob).full());
    const auto another = b.blob(3);
    b.s.want(b.now, another);
    b.pass(40s);
    EXPECT_EQ(b.drops, std::vector<peer_no>{silent});
}

TEST(scheduler, a_peer_that_sends_a_wrong_block_is_dropped_at_once) {
    bench b;
    const auto blob = b.blob(10);
    b.s.want(b.now, blob);
    const auto liar = b.peer(blob);
    b.s.received_wrong(b.now, liar, b.asks.at(0).second);
    b.take();
    EXPECT_EQ(b.drops, std::vector<peer_no>{liar});
    EXPECT_EQ(b.s.outstanding(), 0u);
    b.who.remove_peer(liar);
    b.peer(blob);
    EXPECT_EQ(b.asks.size(), 2u);
}

TEST(scheduler, leaves_of_a_peer_that_left_are_asked_of_others) {
    bench b;
    const auto blob = b.blob(2);
    b.s.want(b.now, blob);
    const auto p = b.peer(blob);
    const auto leaf = b.asks.at(0).second;
    b.who.remove_peer(p);
    b.s.peer_left(b.now, p);
    const auto q = b.peer(blob);
    b.deliver(q, b.asks.at(1).second);
    std::set<std::uint32_t> leaves{b.asks.at(1).second.leaf, b.asks.at(2).second.leaf};
    EXPECT_TRUE(leaves.contains(leaf.leaf));
}

TEST(scheduler, an_idle_peer_takes_over_what_waits_at_a_slow_one) {
    bench b;
    const auto blob = b.blob(10);
    b.s.want(b.now, blob);
    const auto slow = b.peer(blob);
    b.now += 3s;
    b.deliver(slow, b.asks.at(0).second);  // 87 kB/s
    const auto asked = b.asks.size();
    ASSERT_LT(asked, 10u);
    const auto quick = b.peer(blob);
    while (b.cancels.empty() && b.now < steady_time{} + 10s) {
        for (auto i = asked; i < b.asks.size(); ++i)
            if (b.asks[i].first == quick && !b.who.mine(blob).test(b.asks[i].second.leaf))
                b.deliver(quick, b.asks[i].second);
        b.pass(50ms);
    }
    ASSERT_FALSE(b.cancels.empty());
    EXPECT_EQ(b.cancels[0].first, slow);
    b.s.refused(b.now, slow, b.cancels[0].second);
    b.take();
    EXPECT_EQ(b.asks.back().first, quick);
    EXPECT_EQ(b.asks.back().second, b.cancels[0].second);
}

TEST(scheduler, never_commits_more_than_its_limits) {
    bench b;
    const auto blob = b.blob(4000);
    b.s.want(b.now, blob);
    std::vector<peer_no> peers;
    for (int i = 0; i < 20; ++i)
        peers.push_back(b.peer(blob));
    const scheduler_options o;
    for (std::size_t i = 0; i < 3000; ++i) {
        b.now += 100us;
        b.deliver(b.asks.at(i).first, b.asks[i].second);
        ASSERT_LE(b.s.outstanding(), o.total_leaves_max);
        for (const auto p : peers)
            ASSERT_LE(b.s.outstanding(p), o.peer_leaves_max);
    }
    EXPECT_EQ(b.s.outstanding(), o.total_leaves_max);
}

TEST(scheduler, forgets_a_blob_that_is_not_wanted_any_more) {
    bench b;
    const auto blob = b.blob(50);
    b.s.want(b.now, blob);
    b.peer(blob);
    b.s.unwant(b.now, blob);
    b.take();
    EXPECT_EQ(b.cancels.size(), 1u);
    EXPECT_EQ(b.s.outstanding(), 0u);
    EXPECT_EQ(b.s.deadline(), steady_time::max());
}

}  // namespace
}  // namespace dm::swarm
