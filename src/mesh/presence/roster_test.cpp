#include "mesh/presence/roster.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "multiformats/multihash.hpp"

using namespace dm;
using namespace dm::presence;
using namespace std::chrono_literals;

namespace {

peer_id peer(unsigned n) {
    const auto hash = multiformats::multihash::sha2_256(as_bytes("peer " + std::to_string(n)));
    return *peer_id::from_bytes(hash.to_bytes());
}

const beat goodbye{.is_leaving = true};

struct site {
    explicit site(roster_options o = {}) : r(now, peer(0), 1, o) { r.poll(now); }

    void at(steady_time t) {
        while (r.deadline() <= t) {
            now = std::max(now, r.deadline());
            r.tick(now);
            if (auto b = r.poll(now))
                said.push_back(*b);
        }
        now = t;
    }
    void after(std::chrono::milliseconds time) { at(now + time); }
    liveness state(unsigned n) const { return r.find(peer(n), now).state; }
    void hear(unsigned n, beat b = {}) { r.heard(now, peer(n), ++number, std::move(b)); }

    steady_time now{1h};
    roster r;
    std::vector<beat> said;
    std::uint64_t number = 0;
};

}  // namespace

TEST(presence, beats_on_change_and_every_five_minutes) {
    site s;
    s.after(1h);
    EXPECT_GE(s.said.size(), 10u);
    EXPECT_LE(s.said.size(), 14u);
    s.said.clear();
    s.r.status_changed(s.now, "busy");
    s.after(1s);
    ASSERT_EQ(s.said.size(), 1u);
    EXPECT_EQ(s.said[0].status, "busy");
    s.said.clear();
    for (int i = 0; i < 100; ++i) {
        s.r.status_changed(s.now, std::to_string(i));
        s.after(100ms);
    }
    EXPECT_LE(s.said.size(), 11u) << "at most one a second";
}

TEST(presence, a_neighbour_that_dies_is_reported_within_ten_seconds) {
    site s;
    s.r.connected(s.now, peer(1));
    s.hear(1);
    s.after(30min);
    EXPECT_EQ(s.state(1), liveness::online) << "a connection is proof enough";
    s.said.clear();
    s.r.disconnected(s.now, peer(1));
    s.after(10s);
    EXPECT_EQ(s.state(1), liveness::suspect);
    std::erase_if(s.said, [](const beat& b) { return b.gone.empty(); });
    ASSERT_EQ(s.said.size(), 1u);
    EXPECT_EQ(s.said[0].gone, std::vector{peer(1)});
    s.after(21s);
    EXPECT_EQ(s.state(1), liveness::offline);
    s.hear(1);
    EXPECT_EQ(s.state(1), liveness::online);
}

TEST(presence, a_connection_that_comes_back_is_no_death) {
    site s;
    s.r.connected(s.now, peer(1));
    s.r.disconnected(s.now, peer(1));
    s.after(2s);
    s.r.connected(s.now, peer(1));
    s.after(10s);
    EXPECT_EQ(s.state(1), liveness::online);
    for (const auto& b : s.said)
        EXPECT_TRUE(b.gone.empty());
}

TEST(presence, what_others_report_is_suspected_until_it_speaks) {
    site s;
    s.hear(1);
    s.hear(2, {.gone = {peer(1)}});
    EXPECT_EQ(s.state(1), liveness::suspect);
    s.hear(1);
    EXPECT_EQ(s.state(1), liveness::online);
    s.r.connected(s.now, peer(1));
    s.hear(2, {.gone = {peer(1)}});
    EXPECT_EQ(s.state(1), liveness::online) << "we are connected to it";
}

TEST(presence, who_is_said_to_be_gone_contradicts_at_once) {
    site s;
    s.after(10s);
    s.said.clear();
    s.hear(2, {.gone = {peer(0)}});
    s.after(1s);
    EXPECT_EQ(s.said.size(), 1u);
}

TEST(presence, silence_and_farewells_count) {
    site s;
    s.hear(1, {.status = "x"});
    s.hear(2);
    s.hear(2, goodbye);
    EXPECT_EQ(s.state(2), liveness::offline);
    s.after(600s);
    EXPECT_EQ(s.state(1), liveness::online);
    s.after(100s);
    EXPECT_EQ(s.state(1), liveness::offline);
    EXPECT_EQ(s.r.find(peer(1), s.now).status, "x");
}

TEST(presence, nothing_is_said_after_a_farewell) {
    site s;
    s.said.clear();
    EXPECT_EQ(s.r.farewell(), goodbye);
    s.r.status_changed(s.now, "still busy");
    s.r.listener(s.now);
    s.hear(1, {.gone = {peer(0)}});
    s.after(1h);
    EXPECT_TRUE(s.said.empty());
}

TEST(presence, remembers_who_was_away) {
    site s;
    s.hear(1);
    EXPECT_FALSE(s.r.find(peer(1), s.now).was_offline);
    s.hear(1, goodbye);
    s.hear(1);
    EXPECT_EQ(s.state(1), liveness::online);
    EXPECT_TRUE(s.r.find(peer(1), s.now).was_offline);
    s.after(660s);
    EXPECT_TRUE(s.r.find(peer(9), s.now).was_offline) << "it never spoke";
    s.hear(9);
    EXPECT_TRUE(s.r.find(peer(9), s.now).was_offline);
}

TEST(presence, replayed_beats_prove_nothing) {
    site s;
    s.r.heard(s.now, peer(1), 7, {});
    s.r.heard(s.now, peer(1), 8, goodbye);
    s.r.heard(s.now, peer(1), 7, {});
    EXPECT_EQ(s.state(1), liveness::offline);
}

TEST(presence, who_was_never_heard_is_given_some_time) {
    site s;
    EXPECT_EQ(s.state(9), liveness::online);
    s.after(660s);
    EXPECT_EQ(s.state(9), liveness::offline);
}

TEST(presence, tells_what_has_changed) {
    site s;
    s.hear(1, {.status = "a"});
    EXPECT_EQ(s.r.take_changed(), std::set{peer(1)});
    s.hear(1, {.status = "a"});
    EXPECT_TRUE(s.r.take_changed().empty());
    s.hear(1, {.status = "b"});
    EXPECT_EQ(s.r.take_changed(), std::set{peer(1)});
}

TEST(presence, a_newcomer_is_told_soon) {
    site s;
    s.after(30s);
    s.said.clear();
    s.r.listener(s.now);
    s.after(1s);
    EXPECT_EQ(s.said.size(), 1u);
}

TEST(presence, what_was_said_before_is_a_digest_until_somebody_asks) {
    site s;
    s.r.status_changed(s.now, "busy");
    s.after(700s);
    ASSERT_GE(s.said.size(), 3u);
    EXPECT_EQ(s.said[0].status, "busy");
    EXPECT_EQ(s.said.back().status, "");
    EXPECT_EQ(s.said.back().same_status, digest_of("busy"));
    s.said.clear();
    for (int i = 0; i < 200; ++i) {  // however often
        s.hear(1, {.asked = {peer(0), peer(2)}});
        s.after(100ms);
    }
    EXPECT_EQ(std::ranges::count(s.said, "busy", &beat::status), 3) << "one in ten seconds";
    s.said.clear();
    s.after(1h);
    EXPECT_EQ(std::ranges::count(s.said, "busy", &beat::status), 0);
}

TEST(presence, asks_for_the_status_that_it_lacks_unless_another_does) {
    site s;
    s.hear(1, {.status = "old"});
    s.hear(1, {.same_status = digest_of("old")});
    s.after(10s);
    EXPECT_TRUE(s.said.empty());
    s.hear(1, {.same_status = digest_of("new")});
    s.hear(2, {.same_status = digest_of("x")});
    s.hear(3, {.asked = {peer(2)}});
    s.after(1s);
    ASSERT_EQ(s.said.size(), 1u);
    EXPECT_EQ(s.said[0].asked, std::vector{peer(1)});
    EXPECT_EQ(s.r.find(peer(1), s.now).status, "old");
    s.hear(1, {.status = "new"});
    EXPECT_EQ(s.r.find(peer(1), s.now).status, "new");
    for (unsigned n = 10; n < 10 + 2 * asked_max; ++n)
        s.hear(n, {.same_status = digest_of("x")});
    s.after(1s);
    EXPECT_EQ(s.said.back().asked.size(), asked_max);
}

TEST(presence, knows_so_many_nodes_and_no_more) {
    site s({.peers_max = 3});
    for (unsigned n = 1; n < 5; ++n)
        s.hear(n, {.status = "x"});
    EXPECT_EQ(s.r.find(peer(3), s.now).status, "x");
    EXPECT_EQ(s.r.find(peer(4), s.now).status, "");
    s.hear(1, goodbye);
    s.hear(4, {.status = "x"});
    EXPECT_EQ(s.r.find(peer(4), s.now).status, "x") << "in the place of one that is gone";
}

TEST(presence, beats_are_read_as_written_within_bounds) {
    const beat b{.status = "{}",
                 .gone = {peer(1), peer(2)},
                 .is_leaving = true,
                 .same_status = digest_of(""),
                 .asked = {peer(3)}};
    EXPECT_EQ(decode(encode(b)), b);
    EXPECT_TRUE(decode(encode({.asked = std::vector(asked_max, peer(1))})));
    EXPECT_FALSE(decode(encode({.asked = std::vector(asked_max + 1, peer(1))})));
    EXPECT_FALSE(decode(as_bytes("\x22\x01x")));
    EXPECT_FALSE(decode(as_bytes("\x2a\x01x")));
    EXPECT_EQ(decode({}), beat{});
    EXPECT_TRUE(decode(encode({.status = std::string(status_bytes_max, 'x')})));
    EXPECT_FALSE(decode(encode({.status = std::string(status_bytes_max + 1, 'x')})));
    EXPECT_TRUE(decode(encode({.gone = std::vector(gone_max, peer(1))})));
    EXPECT_FALSE(decode(encode({.gone = std::vector(gone_max + 1, peer(1))})));
    EXPECT_FALSE(decode(as_bytes("\x12\x01x")));
    EXPECT_FALSE(decode(as_bytes("\x1a\x01x")));
}
