#include "content/bitswap/server.hpp"

#include <gtest/gtest.h>

#include "content/bitswap/for_test.hpp"

using namespace dm;
using namespace dm::bitswap;
using namespace std::chrono_literals;

namespace {

/// A server whose store is a map of sizes.
struct served {
    explicit served(server_options o = {}) : core(o) {}

    void ask(const peer_id& who, std::vector<want> wants, bool full = false) {
        for (const auto& id : core.receive(who, wants, full)) {
            const auto it = sizes.find(id);
            core.looked_up(who, id, it == sizes.end() ? std::nullopt : std::optional(it->second));
        }
    }
    std::optional<job> next() { return core.next(now); }
    void done(const job& j, bool delivered = true) { core.finished(now, j, delivered); }
    /// The next job, which is delivered at once.
    job deliver() {
        auto j = next();
        EXPECT_TRUE(j.has_value());
        if (j)
            done(*j);
        return j.value_or(job{.peer = peer(0)});
    }

    server core;
    std::map<cid, std::size_t> sizes;
    steady_time now{};
};

want want_block(unsigned n, std::int32_t priority = 1) {
    return {.id = block_id(n), .priority = priority, .send_dont_have = true};
}
want want_have(unsigned n) {
    return {.id = block_id(n), .type = want_type::have, .send_dont_have = true};
}
want cancel(unsigned n) {
    return {.id = block_id(n), .cancel = true};
}

std::vector<cid> ids(const job& j) {
    std::vector<cid> out;
    for (const auto& b : j.blocks)
        out.push_back(b.id);
    return out;
}

}  // namespace

TEST(bitswap_server, sends_the_blocks_that_are_wanted_once) {
    served s;
    s.sizes[block_id(1)] = 1000;
    s.ask(peer(1), {want_block(1)});
    EXPECT_EQ(ids(s.deliver()), std::vector{block_id(1)});
    EXPECT_FALSE(s.next());
    EXPECT_EQ(s.core.ledger(peer(1)).sent_bytes, 1000u);
    s.ask(peer(1), {want_block(1)});
    EXPECT_EQ(ids(s.deliver()), std::vector{block_id(1)}) << "asked for again";
}

TEST(bitswap_server, says_dont_have_only_when_asked_and_keeps_the_want) {
    served s;
    auto quiet = want_block(2);
    quiet.send_dont_have = false;
    s.ask(peer(1), {want_block(1), quiet});
    const auto j = s.deliver();
    EXPECT_EQ(j.presences, (std::vector{presence{block_id(1), false}}));
    EXPECT_FALSE(s.next());
    s.core.arrived(block_id(1), 10);
    s.core.arrived(block_id(2), 10);
    EXPECT_EQ(s.deliver().blocks.size(), 2u);
    s.core.arrived(block_id(1), 10);
    EXPECT_FALSE(s.next()) << "was answered";
}

TEST(bitswap_server, answers_want_have_with_a_small_block_or_have) {
    served s;
    s.sizes[block_id(1)] = 1024;
    s.sizes[block_id(2)] = 1025;
    s.ask(peer(1), {want_have(1), want_have(2), want_have(3)});
    const auto j = s.deliver();
    EXPECT_EQ(ids(j), std::vector{block_id(1)});
    EXPECT_EQ(j.presences,
              (std::vector{presence{block_id(2), true}, presence{block_id(3), false}}));
}

TEST(bitswap_server, a_want_for_the_block_upgrades_one_for_have_but_not_back) {
    served s({.jobs_per_peer_max = 1});
    s.sizes[block_id(1)] = 5000;
    s.sizes[block_id(2)] = 5000;
    s.ask(peer(1), {want_have(1)});
    s.ask(peer(1), {want_block(1), want_block(2)});
    s.ask(peer(1), {want_have(2)});
    const auto j = s.deliver();
    EXPECT_EQ(j.blocks.size(), 2u);
    EXPECT_TRUE(j.presences.empty());
}

TEST(bitswap_server, cancels_and_full_lists_take_wants_back) {
    served s;
    for (unsigned n = 1; n <= 3; ++n)
        s.sizes[block_id(n)] = 10;
    s.ask(peer(1), {want_block(1), want_block(2), want_block(9)});
    s.ask(peer(1), {cancel(1), cancel(9), cancel(7)});
    s.ask(peer(2), {want_block(1)});
    s.ask(peer(2), {want_block(3)}, true);
    std::set<cid> sent;
    while (const auto j = s.next()) {
        for (const auto& id : ids(*j))
            sent.insert(id);
        s.done(*j);
    }
    EXPECT_EQ(sent, (std::set{block_id(2), block_id(3)}));
    s.core.arrived(block_id(9), 1);
    EXPECT_FALSE(s.next());
}

TEST(bitswap_server, higher_priority_goes_first) {
    served s({.message_bytes_target = 1});
    for (unsigned n = 1; n <= 3; ++n)
        s.sizes[block_id(n)] = 10;
    s.ask(peer(1), {want_block(1, -1), want_block(2, 5), want_block(3, 5)});
    EXPECT_EQ(ids(s.deliver()), std::vector{block_id(2)});
    EXPECT_EQ(ids(s.deliver()), std::vector{block_id(3)});
    EXPECT_EQ(ids(s.deliver()), std::vector{block_id(1)});
}

TEST(bitswap_server, peers_share_by_bytes_whatever_they_ask_for) {
    served s({.message_bytes_target = 1, .jobs_per_peer_max = 1});
    std::vector<want> large;
    std::vector<want> small;
    for (unsigned n = 0; n < 400; ++n) {
        s.sizes[block_id(n)] = 200'000;
        s.sizes[block_id(1000 + n)] = 20'000;
        large.push_back(want_block(n));
        small.push_back(want_block(1000 + n));
    }
    s.ask(peer(1), large);
    s.ask(peer(2), small);
    for (int i = 0; i < 220; ++i)
        s.deliver();
    const auto a = s.core.ledger(peer(1)).sent_bytes;
    const auto b = s.core.ledger(peer(2)).sent_bytes;
    EXPECT_NEAR(static_cast<double>(a), static_cast<double>(b), 250'000.0);
}

TEST(bitswap_server, who_was_idle_saves_up_no_turns) {
    served s({.message_bytes_target = 1, .jobs_per_peer_max = 1});
    std::vector<want> wants;
    for (unsigned n = 0; n < 300; ++n) {
        s.sizes[block_id(n)] = 100'000;
        wants.push_back(want_block(n));
    }
    s.ask(peer(1), wants);
    for (int i = 0; i < 100; ++i)
        s.deliver();
    s.ask(peer(2), wants);
    for (int i = 0; i < 20; ++i)
        s.deliver();
    EXPECT_NEAR(static_cast<double>(s.core.ledger(peer(2)).sent_blocks), 10.0, 1.0);
}

TEST(bitswap_server, holds_no_more_bytes_than_it_may) {
    served s({.bytes_in_flight_max = 1'000'000, .message_bytes_target = 100'000});
    std::vector<want> wants;
    for (unsigned n = 0; n < 100; ++n) {
        s.sizes[block_id(n)] = 100'000;
        wants.push_back(want_block(n));
    }
    for (unsigned p = 0; p < 20; ++p) {
        s.ask(peer(p), {want_block(0)});
        s.deliver();
        s.ask(peer(p), wants);
    }
    std::vector<job> jobs;
    while (auto j = s.next())
        jobs.push_back(*std::move(j));
    EXPECT_LE(s.core.bytes_in_flight(), 1'100'000u);
    EXPECT_GE(s.core.bytes_in_flight(), 1'000'000u);
    for (const auto& j : jobs)
        s.done(j);
    EXPECT_EQ(s.core.bytes_in_flight(), 0u);
    EXPECT_TRUE(s.next());
}

TEST(bitswap_server, those_who_do_not_read_leave_half_of_the_memory_to_those_who_do) {
    served s({.bytes_in_flight_max = 1'000'000, .message_bytes_target = 100'000});
    s.sizes[block_id(0)] = 100'000;
    s.sizes[block_id(1)] = 100'000;
    s.ask(peer(99), {want_block(0)});
    s.deliver();
    for (unsigned p = 0; p < 20; ++p)
        s.ask(peer(p), {want_block(0)});
    while (s.next())
        ;
    EXPECT_EQ(s.core.bytes_in_flight(), 500'000u);
    s.ask(peer(99), {want_block(1)});
    const auto j = s.next();
    ASSERT_TRUE(j);
    EXPECT_EQ(j->peer, peer(99));
}

TEST(bitswap_server, a_peer_that_takes_nothing_waits_longer_each_time) {
    served s;
    s.sizes[block_id(1)] = 10;
    for (const auto wait : {2s, 4s, 8s}) {
        s.ask(peer(1), {want_block(1)});
        auto j = s.next();
        ASSERT_TRUE(j);
        s.done(*j, false);
        s.ask(peer(1), {want_block(1)});
        EXPECT_FALSE(s.next());
        ASSERT_TRUE(s.core.deadline());
        EXPECT_EQ(*s.core.deadline(), s.now + wait);
        s.now += wait;
    }
    s.deliver();
    s.ask(peer(1), {want_block(1)});
    EXPECT_TRUE(s.next());
    EXPECT_FALSE(s.core.deadline());
}

TEST(bitswap_server, ten_thousand_wants_for_absent_blocks_cost_bounded_memory) {
    const server_options o;
    served s(o);
    std::vector<want> wants;
    for (unsigned n = 0; n < 10'000; ++n)
        wants.push_back(want_block(n));
    for (std::size_t i = 0; i < wants.size(); i += 500)
        s.ask(peer(1), {wants.begin() + static_cast<std::ptrdiff_t>(i),
                        wants.begin() + static_cast<std::ptrdiff_t>(i + 500)});
    EXPECT_EQ(s.core.ledger(peer(1)).wants, o.wants_per_peer_max);
    std::size_t answers = 0;
    while (const auto j = s.next()) {
        answers += j->presences.size();
        s.done(*j);
    }
    EXPECT_EQ(answers, o.presences_per_peer_max);
    s.sizes[block_id(20'000)] = 10;
    s.ask(peer(1), {want_block(20'000)});
    EXPECT_EQ(ids(s.deliver()), std::vector{block_id(20'000)}) << "absent ones give way";
}

TEST(bitswap_server, one_message_of_too_many_wants_is_looked_up_in_part) {
    server core;
    std::vector<want> wants;
    for (unsigned n = 0; n < 5'000; ++n)
        wants.push_back(want_block(n));
    EXPECT_EQ(core.receive(peer(1), wants, false).size(), server_options{}.wants_per_peer_max);
}

TEST(bitswap_server, wants_of_low_priority_give_way_when_the_list_is_full) {
    served s({.wants_per_peer_max = 2, .message_bytes_target = 1});
    for (unsigned n = 1; n <= 4; ++n)
        s.sizes[block_id(n)] = 10;
    s.ask(peer(1), {want_block(1, 5)});
    s.ask(peer(1), {want_block(2, 1)});
    s.ask(peer(1), {want_block(3, 1)});
    s.ask(peer(1), {want_block(4, 3)});
    std::vector<cid> sent;
    std::vector<presence> refused;
    while (const auto j = s.next()) {
        for (const auto& id : ids(*j))
            sent.push_back(id);
        refused.insert(refused.end(), j->presences.begin(), j->presences.end());
        s.done(*j);
    }
    EXPECT_EQ(sent, (std::vector{block_id(1), block_id(4)}));
    EXPECT_EQ(refused, (std::vector{presence{block_id(3), false}, presence{block_id(2), false}}));
}

TEST(bitswap_server, a_block_that_vanished_is_dont_have) {
    served s;
    s.sizes[block_id(1)] = 10;
    s.ask(peer(1), {want_block(1)});
    const auto j = s.next();
    s.core.vanished(*j, j->blocks[0]);
    s.done(*j);
    EXPECT_EQ(s.deliver().presences, (std::vector{presence{block_id(1), false}}));
}

TEST(bitswap_server, nothing_is_left_of_a_peer_that_is_gone) {
    served s;
    s.sizes[block_id(1)] = 10;
    s.ask(peer(1), {want_block(1), want_block(2)});
    const auto j = s.next();
    s.core.peer_gone(peer(1));
    EXPECT_EQ(s.core.bytes_in_flight(), 0u);
    s.ask(peer(1), {want_block(1)});
    s.done(*j);  // of the connection before
    EXPECT_EQ(s.core.ledger(peer(1)).sent_blocks, 0u);
    s.core.arrived(block_id(2), 10);
    EXPECT_EQ(ids(s.deliver()), std::vector{block_id(1)});
    EXPECT_FALSE(s.next());
}
