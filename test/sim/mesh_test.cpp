#include <gtest/gtest.h>

#include "mesh_world.hpp"

using namespace dm;
using namespace dm::sim;
using namespace std::chrono_literals;

namespace {

using presence::liveness;

std::set<std::size_t> first(std::size_t n) {
    std::set<std::size_t> out;
    for (std::size_t i = 0; i < n; ++i)
        out.insert(i);
    return out;
}

std::string key(std::size_t n) {
    return "/dm1/strategy/" + std::to_string(n) + "/rec";
}

double seconds(steady_time::duration d) {
    return std::chrono::duration<double>(d).count();
}

}  // namespace

TEST(mesh, a_thousand_nodes_know_twenty_strategies_within_five_seconds) {
    mesh_world w({.nodes = 1000, .writers = 1, .dials = 5, .with_presence = false}, 1);
    w.run_for(5s);  // who is in whose mesh settles
    const auto begin = w.now();
    for (std::size_t i = 0; i < 20; ++i)
        w.write(0, {{key(i), std::string(400, 'x')}});
    ASSERT_TRUE(w.run_until(
        [&] {
            for (std::size_t n = 0; n < w.size(); ++n)
                if (w.state(n).size() < 20)
                    return false;
            return true;
        },
        20s));
    const auto took = seconds(w.now() - begin);
    RecordProperty("seconds", std::to_string(took));
    std::printf("1,000 nodes know 20 strategies after %.2f s\n", took);
    EXPECT_LE(took, 5.0);
    EXPECT_TRUE(w.all_alike());
}

TEST(mesh, halves_that_were_apart_agree_when_they_meet) {
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
        mesh_world w({.nodes = 16, .writers = 16, .dials = 3}, seed);
        w.run_for(5s);
        w.write(0, {{"/shared", "before"}, {"/gone", "x"}, {"/kept", "x"}});
        ASSERT_TRUE(w.run_until([&] { return w.all_alike(); }, 10s));
        w.cut(first(8));
        w.run_for(60s);
        EXPECT_EQ(w.seen(0, 15).state, liveness::offline);
        for (std::size_t i = 0; i < 10; ++i) {
            w.write(i % 8, {{"/left" + std::to_string(i), "l"}, {"/shared", "left"}});
            w.write(8 + i % 8, {{"/right" + std::to_string(i), "r"}, {"/shared", "right"}});
            w.run_for(1s);
        }
        w.write(1, {}, {"/gone"});             // deleted on one side,
        w.write(9, {}, {"/kept"});             // and here
        w.write(2, {{"/kept", "set again"}});  // while it is set on the other
        w.run_for(60s);
        EXPECT_FALSE(w.all_alike());
        w.heal();
        EXPECT_TRUE(w.run_until([&] { return w.all_alike(); }, 10s)) << seed;
        const auto& map = w.state(5);
        EXPECT_EQ(map.size(), 22u);
        EXPECT_FALSE(map.contains("/gone"));
        EXPECT_EQ(map.at("/kept"), "set again") << "who deletes, deletes what it has seen";
        EXPECT_TRUE(map.at("/shared") == "left" || map.at("/shared") == "right");
        w.run_for(30s);
        for (std::size_t n = 1; n < w.size(); ++n)
            EXPECT_EQ(w.seen(0, n).state, liveness::online) << n;
    }
}

TEST(mesh, a_node_that_was_away_for_ten_thousand_changes_has_all_at_once) {
    mesh_world w({.nodes = 5, .writers = 4, .dials = 3, .with_presence = false}, 3);
    w.run_for(5s);
    w.cut({4});
    std::size_t changes = 0;
    for (int round = 0; round < 30; ++round) {
        for (int i = 0; i < 17; ++i) {
            std::vector<std::pair<std::string, std::string>> some;
            for (int j = 0; j < 20; ++j)
                some.emplace_back(key((changes + static_cast<std::size_t>(j)) % 2000),
                                  std::to_string(changes));
            changes += some.size();
            w.write(static_cast<std::size_t>(i) % 4, std::move(some));
            w.run_for(200ms);
        }
        w.run_for(10s);
    }
    EXPECT_GE(changes, 10'000u);
    EXPECT_TRUE(w.state(4).empty());
    const auto begin = w.now();
    w.heal();
    ASSERT_TRUE(w.run_until([&] { return w.all_alike(); }, 5s));
    EXPECT_EQ(w.state(4).size(), 2000u);
    std::printf("10,200 changes are there %.2f s after the return\n", seconds(w.now() - begin));
}

TEST(mesh, a_clock_that_is_wrong_by_a_year_changes_nothing) {
    constexpr std::chrono::nanoseconds year = 24h * 365;
    for (const auto error : {-year, year}) {
        mesh_world w({.nodes = 8,
                      .writers = 8,
                      .dials = 3,
                      .clock_error = [&](std::size_t n) { return n == 3 ? error : 0ns; }},
                     4);
        w.run_for(5s);
        w.write(0, {{"/k", "first"}});
        ASSERT_TRUE(w.run_until([&] { return w.all_alike(); }, 10s));
        w.write(3, {{"/k", "by the wrong clock"}});
        ASSERT_TRUE(w.run_until([&] { return w.all_alike(); }, 10s));
        EXPECT_EQ(w.state(0).at("/k"), "by the wrong clock");
        w.write(0, {{"/k", "last"}});
        ASSERT_TRUE(w.run_until([&] { return w.all_alike(); }, 10s));
        EXPECT_EQ(w.state(3).at("/k"), "last");
        w.say(3, "busy");
        EXPECT_TRUE(w.run_until([&] { return w.seen(0, 3).status == "busy"; }, 5s));
    }
}

TEST(mesh, deaths_and_returns_are_seen_by_all) {
    mesh_world w({.nodes = 40, .writers = 1, .dials = 4}, 5);
    w.run_for(20s);
    const std::set<std::size_t> dead{3, 11, 19, 27};
    for (const auto n : dead)
        w.cut({n});
    const auto everybody_says = [&](liveness state) {
        for (std::size_t by = 0; by < w.size(); ++by)
            for (const auto n : dead)
                if (!dead.contains(by) && w.seen(by, n).state != state)
                    return false;
        return true;
    };
    auto begin = w.now();
    EXPECT_TRUE(w.run_until([&] { return everybody_says(liveness::suspect); }, 10s));
    std::printf("a death is suspected by all after %.1f s\n", seconds(w.now() - begin));
    EXPECT_TRUE(w.run_until([&] { return everybody_says(liveness::offline); }, 25s));
    std::printf("and certain after %.1f s\n", seconds(w.now() - begin));
    for (std::size_t n = 1; n < w.size(); ++n)
        if (!dead.contains(n))
            EXPECT_EQ(w.seen(0, n).state, liveness::online) << "only the dead are";
    w.run_for(90s);
    begin = w.now();
    w.heal();
    EXPECT_TRUE(w.run_until([&] { return everybody_says(liveness::online); }, 10s));
    EXPECT_TRUE(w.seen(0, 3).was_offline);
}

TEST(mesh, idle_nodes_say_little) {
    mesh_world w({.nodes = 100, .writers = 1, .dials = 4}, 6);
    for (std::size_t n = 0; n < w.size(); ++n)
        w.say(n, std::string(3'400, 's'));  // a hundred images
    w.run_for(60s);
    std::uint64_t before = 0;
    for (std::size_t n = 0; n < w.size(); ++n)
        before += w.sent_bytes(n);
    w.run_for(330s);
    std::uint64_t after = 0;
    for (std::size_t n = 0; n < w.size(); ++n)
        after += w.sent_bytes(n);
    const auto rate = static_cast<double>(after - before) / 330 / static_cast<double>(w.size());
    std::printf("100 idle nodes send %.0f B/s each\n", rate);
    EXPECT_LE(rate, 1024);
}

TEST(mesh, a_node_that_was_away_asks_for_what_the_others_have_said_meanwhile) {
    mesh_world w({.nodes = 30, .writers = 1, .dials = 3}, 7);
    w.run_for(30s);
    w.cut({0});
    for (std::size_t n = 1; n < w.size(); ++n)
        w.say(n, "news of " + std::to_string(n));
    w.run_for(20min);
    w.heal();
    const auto knows_all = [&] {
        for (std::size_t n = 1; n < w.size(); ++n)
            if (w.seen(0, n).status != "news of " + std::to_string(n))
                return false;
        return true;
    };
    EXPECT_FALSE(knows_all());
    EXPECT_TRUE(w.run_until(knows_all, 345s)) << "a beat of everyone, and an answer";
}
