#include "mesh/crdt/announcer.hpp"

#include <gtest/gtest.h>

using namespace dm;
using namespace dm::crdt;
using namespace std::chrono_literals;

namespace {

cid id(int n) {
    return cid::of(multiformats::codec::dag_pb, as_bytes(std::to_string(n)));
}

}  // namespace

TEST(crdt_announcer, says_heads_less_and_less_often_when_nothing_changes) {
    steady_time now{1h};
    announcer a(now, 1);
    int rounds = 0;
    const auto end = now + 24h;
    while (a.deadline() < end) {
        now = a.deadline();
        rounds += a.due(now, {id(1)}).empty() ? 0 : 1;
    }
    EXPECT_GE(rounds, 24 * 60 / 7);
    EXPECT_LE(rounds, 24 * 60 / 3);
    a.changed(now);
    EXPECT_LE(a.deadline(), now + 6500ms);
}

TEST(crdt_announcer, leaves_out_what_others_have_said) {
    steady_time now{1h};
    announcer a(now, 1);
    a.heard({id(1)});
    EXPECT_TRUE(a.due(now, {id(1), id(2)}).empty()) << "not yet";
    EXPECT_EQ(a.due(a.deadline(), {id(1), id(2)}), std::vector{id(2)});
    EXPECT_EQ(a.due(a.deadline(), {id(1), id(2)}).size(), 2u) << "a new round";
}

TEST(crdt_announcer, speaks_soon_to_a_newcomer_unless_another_does) {
    steady_time now{1h};
    announcer a(now, 1);
    for (int i = 0; i < 20; ++i)
        a.due(a.deadline(), {id(1)});
    now = a.deadline() - 60s;
    a.heard({id(1)});
    a.newcomer(now);
    EXPECT_LE(a.deadline(), now + 1s);
    EXPECT_EQ(a.due(a.deadline(), {id(1)}).size(), 1u) << "who came has not heard it";
    now = a.deadline() - 60s;
    a.newcomer(now);
    a.heard({id(1)});
    EXPECT_TRUE(a.due(a.deadline(), {id(1)}).empty());
}

TEST(crdt_announcer, many_newcomers_make_no_storm) {
    steady_time now{1h};
    announcer a(now, 1);
    int rounds = 0;
    for (const auto end = now + 60s; now < end; now += 10ms) {
        a.newcomer(now);
        rounds += a.due(now, {id(1)}).empty() ? 0 : 1;
    }
    EXPECT_LE(rounds, 13);
}
