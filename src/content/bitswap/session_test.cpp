#include "content/bitswap/session.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "content/bitswap/for_test.hpp"
#include "content/bitswap/peer_wants.hpp"

using namespace dm;
using namespace dm::bitswap;
using namespace std::chrono_literals;

namespace {

constexpr steady_time start{};

unsigned number_of(const cid& id) {
    static const auto index = [] {
        std::map<cid, unsigned> out;
        for (unsigned n = 0; n < 3'000; ++n)
            out[block_id(n)] = n;
        return out;
    }();
    return index.at(id);
}

unsigned number_of(const peer_id& id) {
    for (unsigned n = 0; n < 100; ++n)
        if (peer(n) == id)
            return n;
    return 999;
}

/// What the session wants done, as text: "block 1 of 2", "have 1 of 2", "cancel 1 of 2", "search
/// 1", "give up 1".
std::vector<std::string> actions(session& s) {
    static constexpr const char* names[]{"block", "have", "cancel", "search", "give up"};
    std::vector<std::string> out;
    while (const auto a = s.poll()) {
        auto text = fmt::format("{} {}", names[static_cast<int>(a->what)], number_of(a->id));
        if (a->peer)
            text += fmt::format(" of {}", number_of(*a->peer));
        out.push_back(std::move(text));
    }
    return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST(bitswap_session, asks_the_only_peer_for_the_blocks_themselves) {
    session s;
    s.peer_there(start, peer(1), true, false);
    s.want(start, {block_id(1), block_id(2)});
    EXPECT_EQ(actions(s), (texts{"block 1 of 1", "block 2 of 1"}));
    EXPECT_TRUE(s.block(start, peer(1), block_id(1)));
    EXPECT_TRUE(s.block(start, peer(1), block_id(2)));
    EXPECT_FALSE(s.block(start, peer(1), block_id(2)));
    EXPECT_EQ(actions(s), texts{});
    EXPECT_EQ(s.wanted(), 0u);
}

TEST(bitswap_session, finds_out_who_has_it_when_there_are_several) {
    session s;
    s.peer_there(start, peer(1), true, false);
    s.peer_there(start, peer(2), true, false);
    s.want(start, {block_id(1)});
    EXPECT_EQ(actions(s).size(), 2u);
    s.dont_have(start, peer(1), block_id(1), false);
    EXPECT_EQ(actions(s), texts{});
    s.have(start, peer(2), block_id(1));
    EXPECT_EQ(actions(s), texts{"block 1 of 2"});
    s.want(start, {block_id(2)});
    EXPECT_EQ(actions(s), texts{"block 2 of 2"}) << "who had one will have the next";
    s.block(start, peer(2), block_id(1));
    EXPECT_EQ(actions(s), texts{"cancel 1 of 1"});
}

TEST(bitswap_session, asks_a_provider_at_once) {
    session s;
    s.peer_there(start, peer(1), true, false);
    s.peer_there(start, peer(2), true, true);
    s.want(start, {block_id(1)});
    EXPECT_EQ(actions(s), texts{"block 1 of 2"});
}

TEST(bitswap_session, asks_a_peer_that_cannot_say_have_for_the_block) {
    session s;
    s.peer_there(start, peer(1), true, false);
    s.peer_there(start, peer(2), false, false);
    s.want(start, {block_id(1)});
    EXPECT_EQ(actions(s), texts{"block 1 of 2"});
}

TEST(bitswap_session, goes_on_to_the_next_peer_when_one_lacks_a_block) {
    session s;
    s.peer_there(start, peer(1), true, true);
    s.want(start, {block_id(1)});
    s.peer_there(start, peer(2), true, true);
    s.peer_there(start, peer(3), true, false);
    EXPECT_EQ(actions(s), texts{"block 1 of 1"});
    s.dont_have(start, peer(1), block_id(1), false);
    EXPECT_EQ(actions(s), texts{"block 1 of 2"});
    s.dont_have(start, peer(2), block_id(1), true);
    EXPECT_EQ(actions(s), texts{"have 1 of 3"});
    s.dont_have(start, peer(3), block_id(1), false);
    EXPECT_EQ(actions(s), texts{"search 1"});
}

TEST(bitswap_session, searches_for_providers_when_nobody_has_it_and_gives_up_when_none_is_found) {
    session s;
    s.want(start, {block_id(1), block_id(2)});
    const auto first = actions(s);
    ASSERT_EQ(first.size(), 1u);
    EXPECT_TRUE(first[0].starts_with("search"));
    s.peer_there(start, peer(1), true, true);
    s.searched(start);
    EXPECT_EQ(actions(s), (texts{"block 1 of 1", "block 2 of 1"}));
    s.block(start, peer(1), block_id(1));
    s.dont_have(start, peer(1), block_id(2), false);
    EXPECT_EQ(actions(s), texts{}) << "was searched for just now";
    EXPECT_EQ(s.deadline(), start + 1s);
    s.tick(start + 1s);
    EXPECT_EQ(actions(s), texts{"search 2"});
    s.searched(start + 2s);
    EXPECT_EQ(actions(s), (texts{"cancel 2 of 1", "give up 2"}));
    EXPECT_EQ(s.wanted(), 0u);
}

TEST(bitswap_session, searches_when_the_connected_peers_say_nothing_for_a_second) {
    session s;
    s.peer_there(start, peer(1), true, false);
    s.peer_there(start, peer(2), true, false);
    s.want(start, {block_id(1)});
    actions(s);
    EXPECT_EQ(s.deadline(), start + 1s);
    s.tick(start + 1s);
    EXPECT_EQ(actions(s), texts{"search 1"});
    s.searched(start + 2s);
    EXPECT_EQ(actions(s), texts{}) << "they may still answer";
    s.dont_have(start + 3s, peer(1), block_id(1), true);
    s.have(start + 3s, peer(2), block_id(1));
    EXPECT_EQ(actions(s), texts{"block 1 of 2"});
}

TEST(bitswap_session, asks_again_when_a_peer_that_was_asked_goes) {
    session s;
    s.peer_there(start, peer(1), true, true);
    s.want(start, {block_id(1)});
    s.peer_there(start, peer(2), true, true);
    actions(s);
    s.peer_gone(start, peer(1));
    EXPECT_EQ(actions(s), texts{"block 1 of 2"});
    s.peer_gone(start, peer(2));
    EXPECT_EQ(actions(s), texts{"search 1"});
}

TEST(bitswap_session, a_peer_that_comes_is_asked_what_nobody_has_yet) {
    session s;
    s.peer_there(start, peer(1), true, false);
    s.peer_there(start, peer(2), true, false);
    s.want(start, {block_id(1)});
    actions(s);
    s.peer_there(start, peer(3), true, false);
    EXPECT_EQ(actions(s), texts{"have 1 of 3"});
}

TEST(bitswap_session, finds_out_later_that_a_peer_has_it_too) {
    session s({.window_start = 1, .probe_min = 1});
    s.peer_there(start, peer(1), true, true);
    s.want(start, {block_id(1), block_id(2), block_id(3)});
    EXPECT_EQ(actions(s), texts{"block 1 of 1"});
    s.peer_there(start, peer(2), true, false);
    EXPECT_EQ(actions(s), texts{"have 3 of 2"});
    s.dont_have(start, peer(2), block_id(3), false);
    s.want(start + 999ms, {block_id(4)});
    EXPECT_EQ(actions(s), texts{});
    s.tick(start + 1s);
    EXPECT_EQ(actions(s), texts{"have 4 of 2"});
    s.have(start + 1s, peer(2), block_id(4));
    EXPECT_EQ(actions(s), texts{"block 2 of 2"});
}

TEST(bitswap_session, takes_back_what_is_cancelled) {
    session s;
    s.peer_there(start, peer(1), true, true);
    s.want(start, {block_id(1)});
    actions(s);
    s.cancel(block_id(1));
    s.cancel(block_id(2));
    EXPECT_EQ(actions(s), texts{"cancel 1 of 1"});
    EXPECT_FALSE(s.deadline());
}

TEST(bitswap_session, the_last_blocks_are_taken_from_a_slow_peer) {
    session s;
    s.peer_there(start, peer(1), true, true);
    s.want(start, {block_id(1)});
    s.peer_there(start, peer(2), true, true);
    actions(s);
    ASSERT_TRUE(s.deadline());
    EXPECT_EQ(*s.deadline(), start + 500ms);
    s.tick(start + 500ms);
    EXPECT_EQ(actions(s), (texts{"cancel 1 of 1", "block 1 of 2"}));
}

TEST(bitswap_session, asks_about_so_many_blocks_at_once_and_no_more) {
    session s({.broadcast_max = 4});
    s.peer_there(start, peer(1), true, false);
    s.peer_there(start, peer(2), true, false);
    std::vector<cid> ids;
    for (unsigned n = 0; n < 100; ++n)
        ids.push_back(block_id(n));
    s.want(start, ids);
    EXPECT_EQ(actions(s).size(), 8u);
}

TEST(bitswap_session, asks_a_peer_for_as_much_as_it_delivers_without_delay) {
    session s({.window_start = 4, .window_max = 16});
    s.peer_there(start, peer(1), true, true);
    std::vector<cid> ids;
    for (unsigned n = 0; n < 1'000; ++n)
        ids.push_back(block_id(n));
    s.want(start, ids);
    EXPECT_EQ(actions(s).size(), 4u);
    std::size_t asked = 4;
    for (unsigned n = 0; n < 100; ++n) {
        s.block(start + 10ms, peer(1), block_id(n));
        asked += actions(s).size();
    }
    EXPECT_EQ(asked, 100u + 16u);
}

namespace {

/// Peers on virtual time: each answers a want after a delay and sends its blocks one after another.
struct world {
    struct remote {
        peer_id id;
        std::set<unsigned> has;
        std::chrono::milliseconds delay{20};
        std::chrono::milliseconds per_block{10};
        bool is_silent = false;
        peer_wants wants{};
        steady_time free{};
    };
    struct event {
        std::size_t who;
        cid id;
        enum { block, have, dont_have } what;
    };

    void run(session_options o, unsigned blocks) {
        session s(o);
        for (auto& r : remotes)
            s.peer_there(now, r.id, true, false);
        std::vector<cid> all;
        for (unsigned n = 0; n < blocks; ++n)
            all.push_back(block_id(n));
        s.want(now, all);
        for (;;) {
            carry_out(s);
            if (s.wanted() == 0 || !advance(s))
                break;
        }
        left = s.wanted();
    }

    void carry_out(session& s) {
        while (const auto a = s.poll()) {
            using enum session_action::kind;
            if (a->what == search)
                s.searched(now);
            if (a->what == give_up)
                ++given_up;
            if (!a->peer)
                continue;
            for (auto& r : remotes)
                if (r.id == *a->peer)
                    a->what == cancel
                        ? r.wants.cancel(a->id)
                        : r.wants.ask(now, a->id,
                                      a->what == ask_have ? want_type::have : want_type::block);
        }
        for (std::size_t i = 0; i < remotes.size(); ++i)
            for (const auto& w : remotes[i].wants.take_changes(1'000'000).wants)
                if (!w.cancel && !remotes[i].is_silent)
                    answer(i, w);
    }

    void answer(std::size_t i, const want& w) {
        auto& r = remotes[i];
        if (!r.has.contains(number_of(w.id)))
            events.emplace(now + r.delay, event{i, w.id, event::dont_have});
        else if (w.type == want_type::have)
            events.emplace(now + r.delay, event{i, w.id, event::have});
        else {
            r.free = std::max(r.free, now + r.delay) + r.per_block;
            events.emplace(r.free, event{i, w.id, event::block});
        }
    }

    bool advance(session& s) {
        auto next = s.deadline();
        for (const auto& r : remotes)
            if (const auto d = r.wants.deadline(); d && (!next || *d < *next))
                next = d;
        if (!events.empty() && (!next || events.begin()->first <= *next)) {
            now = events.begin()->first;
            const auto e = events.begin()->second;
            events.erase(events.begin());
            deliver(s, e);
            return true;
        }
        if (!next)
            return false;
        now = *next;
        for (auto& r : remotes)
            while (const auto id = r.wants.expired(now))
                s.dont_have(now, r.id, *id, true);
        s.tick(now);
        return true;
    }

    void deliver(session& s, const event& e) {
        auto& r = remotes[e.who];
        if (e.what == event::block) {
            ++received;
            r.wants.block(now, e.id);
            if (!s.block(now, r.id, e.id))
                ++duplicates;
        } else if (r.wants.presence(now, e.id, e.what == event::have)) {
            e.what == event::have ? s.have(now, r.id, e.id) : s.dont_have(now, r.id, e.id, false);
        }
    }

    std::vector<remote> remotes;
    steady_time now{};
    std::multimap<steady_time, event> events;
    std::size_t received = 0;
    std::size_t duplicates = 0;
    std::size_t given_up = 0;
    std::size_t left = 0;
};

std::set<unsigned> range(unsigned from, unsigned to) {
    std::set<unsigned> out;
    for (; from < to; ++from)
        out.insert(from);
    return out;
}

}  // namespace

TEST(bitswap_session, equal_peers_together_are_as_fast_as_they_can_and_send_nothing_twice) {
    world w;
    for (unsigned p = 0; p < 4; ++p)
        w.remotes.push_back({.id = peer(p), .has = range(0, 1'000)});
    w.run({}, 1'000);
    EXPECT_EQ(w.left, 0u);
    EXPECT_EQ(w.duplicates, 0u);
    // 250 blocks each of 10 ms.
    EXPECT_LT(w.now - steady_time{}, 3'000ms);
}

TEST(bitswap_session, peers_that_have_different_halves_are_both_used) {
    world w;
    w.remotes.push_back({.id = peer(0), .has = range(0, 500)});
    w.remotes.push_back({.id = peer(1), .has = range(500, 1'000)});
    w.remotes.push_back({.id = peer(2), .has = {}});
    w.run({}, 1'000);
    EXPECT_EQ(w.left, 0u);
    EXPECT_EQ(w.received, 1'000u);
    EXPECT_LT(w.now - steady_time{}, 12'000ms);
}

TEST(bitswap_session, silent_and_slow_peers_do_not_hold_up_the_rest) {
    world w;
    w.remotes.push_back({.id = peer(0), .has = range(0, 500)});
    w.remotes.push_back({.id = peer(1), .has = range(0, 500), .is_silent = true});
    w.remotes.push_back({.id = peer(2), .has = range(0, 500), .per_block = 2'000ms});
    w.run({}, 500);
    EXPECT_EQ(w.left, 0u);
    EXPECT_EQ(w.given_up, 0u);
    EXPECT_LE(w.duplicates, 5u);
    // One peer alone needs 5 s.
    EXPECT_LT(w.now - steady_time{}, 9'000ms);
}

TEST(bitswap_session, what_nobody_has_is_given_up_and_the_rest_is_fetched) {
    world w;
    w.remotes.push_back({.id = peer(0), .has = range(0, 90)});
    w.remotes.push_back({.id = peer(1), .has = range(0, 90)});
    w.run({}, 100);
    EXPECT_EQ(w.received, 90u);
    EXPECT_EQ(w.given_up, 10u);
}
