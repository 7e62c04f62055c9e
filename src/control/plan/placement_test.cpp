#include "control/plan/placement.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/hex.hpp"
#include "base/rng.hpp"

using namespace dm;
using namespace dm::plan;
using namespace std::chrono_literals;

namespace {

using ids = std::set<multiformats::peer_id>;

constexpr steady_time start{};
constexpr steady_time now{start + 24h};
const oci::platform amd64{"linux", "amd64"};

multiformats::peer_id peer(std::uint64_t number) {
    rng random{number};
    bytes hash{std::byte{0x12}, std::byte{0x20}};
    while (hash.size() < 34)
        hash.push_back(static_cast<std::byte>(random()));
    return multiformats::peer_id::from_bytes(hash).value();
}

std::vector<member> fleet(std::size_t n) {
    std::vector<member> out;
    for (std::size_t i = 0; i < n; ++i)
        out.push_back({.id = peer(i), .platform = amd64, .since = start});
    return out;
}

strategy_request percentage(unsigned p, std::string_view image = "busybox:1.35.0") {
    strategy_request s;
    s.image = oci::parse_reference(image).value();
    s.percentage = p;
    return s;
}

placement place_at(const strategy_request& s, const std::vector<member>& members,
                   steady_time at = now, std::size_t self = 0) {
    return place(s, {}, members, members[self].id, at);
}

ids with_role(const placement& p, role r) {
    ids out;
    for (const auto& m : p.members)
        if (m.role == r)
            out.insert(m.id);
    return out;
}

ids owners(const placement& p) {
    return with_role(p, role::owner);
}

member& find(std::vector<member>& members, const multiformats::peer_id& id) {
    return *std::ranges::find(members, id, &member::id);
}

// A node that owns nothing by `p`, to look from.
std::size_t onlooker(const placement& p, const std::vector<member>& members) {
    const auto& last = p.members.back().id;
    return static_cast<std::size_t>(std::ranges::find(members, last, &member::id) -
                                    members.begin());
}

std::size_t lost(const ids& before, const ids& after) {
    return static_cast<std::size_t>(
        std::ranges::count_if(before, [&](const auto& id) { return !after.contains(id); }));
}

}  // namespace

TEST(placement, rounds_the_share_up) {
    const std::tuple<unsigned, std::size_t, std::size_t> cases[] = {
        {50, 1, 1}, {50, 3, 2},  {50, 4, 2},  {51, 4, 3},      {100, 4, 4},
        {1, 4, 1},  {1, 100, 1}, {1, 101, 2}, {33, 1000, 330}, {100, 0, 0},
    };
    for (const auto& [p, n, slots] : cases) {
        EXPECT_EQ(slots_for(p, n), slots) << p << " % of " << n;
        if (n == 0)
            continue;
        const auto placed = place_at(percentage(p), fleet(n));
        EXPECT_EQ(placed.slots, slots);
        EXPECT_EQ(owners(placed).size(), slots);
    }
}

TEST(placement, ranks_by_repository_and_peer) {
    // SHA-256("docker.io/library/busybox" ‖ 00 ‖ 1220 ‖ 32 zero bytes). Fleets rely on it.
    bytes zeros{std::byte{0x12}, std::byte{0x20}};
    zeros.resize(34);
    EXPECT_EQ(to_hex(rank_of("docker.io/library/busybox",
                             multiformats::peer_id::from_bytes(zeros).value())),
              "ce502e87c754fb22ce3892fedd93fcda694adaeab684663e357bec6440dfbc16");
    const auto members = fleet(20);
    EXPECT_EQ(place_at(percentage(40, "busybox:1.35.0"), members).members,
              place_at(percentage(40, "docker.io/library/busybox:1.36.0"), members).members);
    EXPECT_NE(place_at(percentage(40, "busybox"), members).members,
              place_at(percentage(40, "alpine"), members).members);
}

TEST(placement, does_not_depend_on_the_order_of_members_or_on_who_computes_it) {
    rng random{1};
    auto members = fleet(50);
    const auto expected = place_at(percentage(30), members);
    for (std::size_t i = 0; i < 20; ++i) {
        std::ranges::shuffle(members, random);
        EXPECT_EQ(place_at(percentage(30), members, now, i).members, expected.members);
    }
}

TEST(placement, only_adds_when_the_percentage_is_raised) {
    for (const std::size_t n : {1u, 2u, 7u, 40u}) {
        const auto members = fleet(n);
        ids before;
        for (unsigned p = 1; p <= 100; ++p) {
            const auto after = owners(place_at(percentage(p), members));
            EXPECT_TRUE(std::ranges::includes(after, before));
            before = after;
        }
        EXPECT_EQ(before.size(), n);
    }
}

TEST(placement, moves_at_most_one_copy_when_a_node_joins_or_leaves) {
    rng random{2};
    for (int round = 0; round < 200; ++round) {
        auto members = fleet(2 + random() % 60);
        const auto s = percentage(1 + static_cast<unsigned>(random() % 100));
        const auto before = owners(place_at(s, members));
        members.push_back({.id = peer(1000 + random()), .platform = amd64, .since = start});
        const auto joined = members.back().id;
        const auto after = owners(place_at(s, members));
        // Who loses a slot loses it to the joiner.
        EXPECT_LE(lost(before, after), after.contains(joined) ? 1u : 0u);
        // Seen from after, this is a node that leaves: only its own slot and the rounding move.
        EXPECT_LE(lost(after, before), 1u);
    }
}

TEST(placement, is_even_over_many_images) {
    const auto members = fleet(10);
    std::map<multiformats::peer_id, int> copies;
    for (int image = 0; image < 500; ++image)
        for (const auto& id :
             owners(place_at(percentage(30, fmt::format("x/i{}", image)), members)))
            ++copies[id];
    for (const auto& [id, n] : copies) {
        EXPECT_GT(n, 100);
        EXPECT_LT(n, 200);
    }
}

TEST(placement, counts_the_members_that_match_selector_and_platform) {
    auto members = fleet(10);
    for (std::size_t i = 0; i < 4; ++i)
        members[i].labels = {{"site", "store"}};
    members[0].platform = {"linux", "s390x"};
    members[9].online = false;
    auto s = percentage(50);
    s.selector = {{"site", "store"}};
    EXPECT_EQ(place_at(s, members).members.size(), 4u);
    EXPECT_EQ(place_at(s, members).slots, 2u);
    const std::vector<oci::platform> platforms{amd64};
    const auto placed = place(s, platforms, members, members[1].id, now);
    EXPECT_EQ(placed.members.size(), 3u);
    EXPECT_EQ(placed.role_of(members[0].id), role::none);
    EXPECT_EQ(place_at(percentage(50), members).members.size(), 10u);  // offline ones included
    s.selector = {{"site", "moon"}};
    EXPECT_EQ(place_at(s, members).slots, 0u);
}

TEST(placement, moves_nothing_while_an_owner_is_offline_within_the_grace) {
    auto members = fleet(10);
    const auto before = place_at(percentage(30), members);
    auto& gone = find(members, before.members[0].id);
    gone.online = false;
    gone.since = now - (15min - 1s);
    const auto self = onlooker(before, members);
    const auto after = place_at(percentage(30), members, now, self);
    EXPECT_EQ(owners(after), owners(before));
    EXPECT_TRUE(with_role(after, role::substitute).empty());
    EXPECT_EQ(with_role(after, role::surplus), ids{before.members[3].id});
}

TEST(placement, lets_the_next_in_rank_substitute_for_who_is_gone) {
    auto members = fleet(10);
    const auto before = place_at(percentage(30), members);
    for (const std::size_t position : {0u, 3u}) {  // an owner, and the first who could substitute
        auto& gone = find(members, before.members[position].id);
        gone.online = false;
        gone.since = now - 15min;
    }
    const auto after = place_at(percentage(30), members, now, onlooker(before, members));
    EXPECT_EQ(owners(after), owners(before));
    EXPECT_EQ(with_role(after, role::substitute), ids{before.members[4].id});
    EXPECT_TRUE(with_role(after, role::surplus).empty());
}

TEST(placement, keeps_the_substitute_until_the_owner_has_been_back_for_a_while) {
    auto members = fleet(10);
    const auto before = place_at(percentage(30), members);
    auto& owner = find(members, before.members[1].id);
    const auto self = onlooker(before, members);
    const auto substitute = before.members[3].id;
    owner.since = now - (5min - 1s);
    EXPECT_EQ(place_at(percentage(30), members, now, self).role_of(substitute), role::none)
        << "it was always there as far as we know";
    owner.was_offline = true;
    EXPECT_EQ(place_at(percentage(30), members, now, self).role_of(substitute), role::surplus);
    owner.since = now - 5min;
    EXPECT_EQ(place_at(percentage(30), members, now, self).role_of(substitute), role::none);
    // It leaves again before that: still nothing is dropped.
    owner.online = false;
    owner.since = now - 1s;
    EXPECT_EQ(place_at(percentage(30), members, now, self).role_of(substitute), role::surplus);
}

TEST(placement, says_when_time_will_change_it) {
    auto members = fleet(4);
    EXPECT_EQ(next_change(members, now), std::nullopt);
    members[1].online = false;
    members[1].since = now - 1min;
    EXPECT_EQ(next_change(members, now), now + 14min);
    members[2].was_offline = true;
    members[2].since = now - 2min;
    EXPECT_EQ(next_change(members, now), now + 3min);
    EXPECT_EQ(next_change(members, now + 3min), now + 14min);
    EXPECT_EQ(next_change(members, now + 14min), std::nullopt);
}

TEST(placement, lets_no_cut_off_node_take_anything_new) {
    auto members = fleet(10);
    const auto before = place_at(percentage(30), members);
    const auto self = before.members[4].id;
    const auto self_index =
        static_cast<std::size_t>(std::ranges::find(members, self, &member::id) - members.begin());
    std::size_t online = 10;
    for (std::size_t position = 0; position < 10; ++position) {
        if (before.members[position].id == self)
            continue;
        auto& other = find(members, before.members[position].id);
        other.online = false;
        other.since = now - 1h;
        --online;
        const auto after = place_at(percentage(30), members, now, self_index);
        const auto expected = online < 5         ? role::surplus
                              : position + 1 < 2 ? role::none  // position 3 substitutes for one
                                                 : role::substitute;
        EXPECT_EQ(after.role_of(self), expected) << online << " online";
        EXPECT_EQ(owners(after), owners(before));
    }
}

TEST(placement, counts_exactly_through_random_failures) {
    rng random{3};
    for (int round = 0; round < 300; ++round) {
        auto members = fleet(2 + random() % 40);
        const auto s = percentage(1 + static_cast<unsigned>(random() % 100));
        std::size_t gone = 0;
        for (auto& m : members) {
            const bool is_gone = &m != &members[0] && random() % 4 == 0;
            m.online = !is_gone;
            gone += is_gone ? 1 : 0;
        }
        const auto placed = place_at(s, members);
        std::size_t live = 0;
        for (const auto& m : placed.members)
            live += m.online && (m.role == role::owner || m.role == role::substitute) ? 1 : 0;
        const bool sees_half = 2 * (members.size() - gone) >= members.size();
        if (sees_half)
            EXPECT_EQ(live, std::min(placed.slots, members.size() - gone));
        else
            EXPECT_LE(live, placed.slots);
    }
}

TEST(placement, puts_targets_where_they_are_named) {
    auto members = fleet(5);
    strategy_request s;
    s.type = strategy_type::target;
    s.image = oci::parse_reference("busybox").value();
    s.targets = {members[1].id, members[3].id, peer(99)};
    std::ranges::sort(s.targets);
    find(members, members[3].id).online = false;
    members[3].since = now - 10h;
    const auto placed = place_at(s, members);
    EXPECT_EQ(owners(placed), (ids{members[1].id, members[3].id}));
    EXPECT_EQ(placed.slots, 3u);
    EXPECT_EQ(placed.pending, std::vector{peer(99)});
    EXPECT_EQ(with_role(placed, role::none).size(), 3u);  // nobody substitutes
    s.selector = {{"site", "store"}};
    members[1].labels = s.selector;
    EXPECT_EQ(owners(place_at(s, members)), ids{members[1].id});
}
