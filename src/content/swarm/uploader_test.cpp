#include "content/swarm/uploader.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dm::swarm {
namespace {

using namespace std::chrono_literals;

struct bench {
    holdings who;
    uploader u{who, 1};
    steady_time now{};
    blob_no blob;
    std::vector<peer_no> peers;

    explicit bench(std::uint32_t leaves, std::size_t count, role own = role::source) {
        leaf_set all(leaves);
        all.set_all();
        blob = who.add_blob(std::uint64_t{leaves} * leaf_bytes, all, own);
        for (std::size_t i = 0; i < count; ++i) {
            peers.push_back(who.add_peer());
            who.peer_has(peers.back(), blob, leaf_set(leaves), role::partner);
        }
    }
    std::size_t refusals() {
        std::size_t n = 0;
        while (const auto e = u.poll())
            n += std::holds_alternative<refuse>(*e);
        return n;
    }
};

TEST(uploader, a_source_gives_every_leaf_once) {
    bench b(100, 4);
    ASSERT_TRUE(b.u.directs(b.blob));
    std::set<std::uint32_t> given;
    for (int i = 0; i < 100; ++i) {
        const auto p = b.peers[static_cast<std::size_t>(i) % 4];
        b.u.asked_any(b.now, p, b.blob);
        const auto s = b.u.next(b.now);
        ASSERT_TRUE(s && s->chosen);
        EXPECT_TRUE(given.insert(s->leaf.leaf).second);
        b.u.sent(b.now, s->peer, s->leaf);
    }
    EXPECT_FALSE(b.u.directs(b.blob));
    int told = 0;
    while (const auto e = b.u.poll())
        told += std::holds_alternative<no_more>(*e);
    EXPECT_EQ(told, 4);
    b.u.asked_any(b.now, b.peers[0], b.blob);
    EXPECT_TRUE(std::holds_alternative<no_more>(b.u.poll().value()));
}

TEST(uploader, a_source_begins_where_the_peer_asks_for_and_goes_on_at_the_start) {
    bench b(200, 2);
    const auto give = [&](peer_no p, std::optional<std::uint32_t> from) {
        b.u.asked_any(b.now, p, b.blob, from);
        const auto s = b.u.next(b.now).value();
        b.u.sent(b.now, s.peer, s.leaf);
        return s.leaf.leaf;
    };
    EXPECT_EQ(give(b.peers[0], 0), 0u);
    EXPECT_EQ(give(b.peers[1], 0), 1u);
    EXPECT_EQ(give(b.peers[0], 130), 128u);
    for (std::uint32_t leaf = 129; leaf < 200; ++leaf)
        EXPECT_EQ(give(b.peers[0], 130), leaf);
    EXPECT_EQ(give(b.peers[0], 130), 2u);
}

TEST(uploader, a_source_prefers_peers_that_pass_on_what_they_got) {
    bench b(100, 2);
    const auto miser = b.peers[0];
    const auto giver = b.peers[1];
    int to_giver = 0;
    for (int i = 0; i < 40; ++i) {
        b.u.asked_any(b.now, miser, b.blob);
        b.u.asked_any(b.now, giver, b.blob);
        const auto s = b.u.next(b.now).value();
        b.u.sent(b.now, s.peer, s.leaf);
        b.who.peer_gained(s.peer, s.leaf);
        if (s.peer == giver) {
            ++to_giver;
            b.who.peer_gained(miser, s.leaf);
        }
    }
    EXPECT_GT(to_giver, 30);
}

TEST(uploader, a_leaf_that_got_lost_on_its_way_is_given_out_again) {
    bench b(1, 2);
    b.u.asked_any(b.now, b.peers[0], b.blob);
    const auto s = b.u.next(b.now).value();
    b.u.sent(b.now, s.peer, s.leaf);
    bench c(2, 2);
    c.u.asked_any(c.now, c.peers[0], c.blob);
    const auto first = c.u.next(c.now).value();
    c.u.sent(c.now, first.peer, first.leaf);
    c.who.remove_peer(c.peers[0]);
    c.u.peer_left(c.peers[0]);
    std::set<std::uint32_t> given;
    for (int i = 0; i < 2; ++i) {
        c.u.asked_any(c.now, c.peers[1], c.blob);
        const auto t = c.u.next(c.now).value();
        c.u.sent(c.now, t.peer, t.leaf);
        given.insert(t.leaf.leaf);
    }
    EXPECT_EQ(given.size(), 2u);
}

TEST(uploader, sends_what_the_fewest_have_first_and_peers_take_turns) {
    bench b(10, 3, role::partner);
    b.who.peer_gained(b.peers[2], {b.blob, 1});
    b.u.asked(b.now, b.peers[0], {b.blob, 1});
    b.u.asked(b.now, b.peers[0], {b.blob, 2});
    b.u.asked(b.now, b.peers[1], {b.blob, 3});
    const auto first = b.u.next(b.now).value();
    EXPECT_NE(first.leaf.leaf, 1u);
    const auto second = b.u.next(b.now).value();
    EXPECT_NE(second.leaf.leaf, 1u);
    EXPECT_NE(first.peer, second.peer);
    EXPECT_FALSE(b.u.next(b.now)) << "no slot is free";
    b.u.sent(b.now, first.peer, first.leaf);
    b.u.sent(b.now, second.peer, second.leaf);
    EXPECT_EQ(b.u.next(b.now)->leaf.leaf, 1u);
}

TEST(uploader, slow_receivers_do_not_keep_others_waiting) {
    bench b(10, 4, role::partner);
    for (std::uint32_t i = 0; i < 4; ++i)
        b.u.asked(b.now, b.peers[i], {b.blob, i});
    EXPECT_TRUE(b.u.next(b.now));
    EXPECT_TRUE(b.u.next(b.now));
    EXPECT_FALSE(b.u.next(b.now));
    b.now = b.u.deadline(b.now);
    EXPECT_TRUE(b.u.next(b.now));
}

TEST(uploader, refuses_what_it_has_not_and_what_is_too_much) {
    bench b(1, 1, role::partner);
    b.u.asked(b.now, b.peers[0], {b.blob, 5});
    b.u.asked(b.now, b.peers[0], {b.blob + 7, 0});
    EXPECT_EQ(b.refusals(), 2u);
    bench c(2 * asked_leaves_max, 1, role::partner);
    for (std::uint32_t i = 0; i < asked_leaves_max + 3; ++i)
        c.u.asked(c.now, c.peers[0], {c.blob, i});
    EXPECT_EQ(c.refusals(), 3u);
    EXPECT_EQ(c.u.queued(), asked_leaves_max);
}

TEST(uploader, answers_a_cancel_only_while_it_can_still_hold_back) {
    bench b(4, 1, role::partner);
    b.u.asked(b.now, b.peers[0], {b.blob, 0});
    b.u.asked(b.now, b.peers[0], {b.blob, 0});
    b.u.asked(b.now, b.peers[0], {b.blob, 1});
    EXPECT_EQ(b.u.queued(), 2u) << "asked twice is asked once";
    const auto s = b.u.next(b.now).value();
    b.u.cancelled(b.peers[0], s.leaf);
    EXPECT_EQ(b.refusals(), 0u);
    b.u.cancelled(b.peers[0], {b.blob, 1 - s.leaf.leaf});
    EXPECT_EQ(b.refusals(), 1u);
    EXPECT_EQ(b.u.queued(), 0u);
}

TEST(uploader, a_growing_source_keeps_blanks_until_there_is_more) {
    bench b(4, 1);
    const auto blob = b.who.add_blob(3 * leaf_bytes, leaf_set(3), role::source);
    b.who.peer_has(b.peers[0], blob, leaf_set(3), role::partner);
    b.u.asked_any(b.now, b.peers[0], blob);
    EXPECT_FALSE(b.u.next(b.now));
    b.who.gained({blob, 2});
    EXPECT_EQ(b.u.next(b.now)->leaf, (leaf_ref{blob, 2}));
}

}  // namespace
}  // namespace dm::swarm
