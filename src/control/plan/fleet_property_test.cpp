#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rng.hpp"
#include "control/plan/plan_world.hpp"

using namespace dm;
using namespace dm::plan;
using namespace std::chrono_literals;

namespace {

using ids = std::set<multiformats::peer_id>;

constexpr auto grace = placement_options{}.offline_grace;
constexpr auto surplus_delay = placement_options{}.surplus_delay;
const std::vector<std::string> names{"a:1", "b:1", "c:1"};
const oci::platform amd64{"linux", "amd64"};

/// A fleet in which everybody hears of everything at once, and each node acts on its own plan only.
struct fleet {
    struct node {
        bool online = true;
        bool was_offline = false;
        steady_time since{};
        std::set<crypto::digest> complete{};
        std::set<crypto::digest> pinned{};
    };

    steady_time now{24h};
    std::map<multiformats::peer_id, node> nodes;
    std::vector<strategy> strategies;
    std::deque<oci::image_record> records;
    std::size_t fetched = 0;
    std::uint64_t next_peer = 1;
    int applied = 0;

    fleet() {
        for (const auto& name : names) {
            oci::image_record r{.digest = plan_world::digest(name),
                                .media_type = "",
                                .root = {},
                                .blobs = {},
                                .platforms = {}};
            r.platforms.push_back({amd64, r.digest, {r.digest}});
            records.push_back(std::move(r));
        }
    }

    multiformats::peer_id join() {
        rng random{next_peer++};
        bytes hash{std::byte{0x12}, std::byte{0x20}};
        while (hash.size() < 34)
            hash.push_back(static_cast<std::byte>(random()));
        const auto id = multiformats::peer_id::from_bytes(hash).value();
        nodes[id].since = now;
        return id;
    }

    void turn(const multiformats::peer_id& id, bool online) {
        auto& n = nodes.at(id);
        n.was_offline = n.was_offline || !online;
        n.online = online;
        n.since = now;
    }

    strategy& apply(const std::string& name, unsigned percentage) {
        strategy s;
        s.image = oci::parse_reference(name).value();
        s.percentage = percentage;
        s.digest = plan_world::digest(name);
        s.updated = wall_time{std::chrono::seconds{++applied}};
        std::erase_if(strategies, [&](const strategy& other) { return id_of(other) == id_of(s); });
        strategies.push_back(std::move(s));
        return strategies.back();
    }

    std::vector<member> members() const {
        std::vector<member> out;
        for (const auto& [id, n] : nodes)
            out.push_back({.id = id,
                           .platform = amd64,
                           .online = n.online,
                           .since = n.since,
                           .was_offline = n.was_offline});
        return out;
    }

    placement placed(const strategy& s, const multiformats::peer_id& self) const {
        return place(s, std::vector{amd64}, members(), self, now);
    }

    ids live_holders(const crypto::digest& image) const {
        ids out;
        for (const auto& [id, n] : nodes)
            if (n.online && n.complete.contains(image))
                out.insert(id);
        return out;
    }

    /// What the node would do now.
    outcome plan_of(const multiformats::peer_id& self) const {
        const auto& n = nodes.at(self);
        std::vector<image_view> images;
        for (const auto& r : records) {
            image_view v{.digest = r.digest, .record = &r, .import_seen = now};
            v.complete = n.complete.contains(r.digest);
            v.pinned = n.pinned.contains(r.digest);
            v.bytes_missing = v.complete ? 0 : 1;
            for (const auto& holder : live_holders(r.digest))
                if (holder != self)
                    v.holders.push_back(holder);
            images.push_back(std::move(v));
        }
        const auto all = members();
        const engine_view engine{.present = false};
        return make_plan({.self = self,
                          .now = now,
                          .strategies = strategies,
                          .members = all,
                          .images = images,
                          .engine = engine,
                          .bytes_available = 1 << 20,
                          .bytes_unused = 1 << 20});
    }

    /// A node that unpins lets the image go at once. False when it had nothing to do.
    bool act(const multiformats::peer_id& self) {
        const auto p = plan_of(self);
        auto& n = nodes.at(self);
        for (const auto& a : p.actions) {
            if (a.kind == action_kind::fetch && !live_holders(*a.image).empty()) {
                n.complete.insert(*a.image);
                ++fetched;
            } else if (a.kind == action_kind::pin) {
                n.pinned.insert(*a.image);
            } else if (a.kind == action_kind::unpin) {
                n.pinned.erase(*a.image);
                n.complete.erase(*a.image);
            }
        }
        return std::ranges::any_of(p.actions, [&](const action& a) {
            return a.kind != action_kind::fetch || !live_holders(*a.image).empty();
        });
    }

    /// Nodes act in any order; how many copies moved.
    std::size_t settle(rng& random) {
        const auto before = fetched;
        std::vector<multiformats::peer_id> order;
        for (const auto& [id, n] : nodes)
            if (n.online)
                order.push_back(id);
        for (int round = 0; round < 20; ++round) {
            std::ranges::shuffle(order, random);
            bool busy = false;
            for (const auto& id : order)
                busy = act(id) || busy;
            if (!busy)
                return fetched - before;
        }
        ADD_FAILURE() << "it never settles";
        return fetched - before;
    }

    void give(const std::string& name, const multiformats::peer_id& to) {
        nodes.at(to).complete.insert(plan_world::digest(name));
    }
};

multiformats::peer_id any_of(const fleet& f, rng& random, bool online) {
    std::vector<multiformats::peer_id> out;
    for (const auto& [id, n] : f.nodes)
        if (n.online == online)
            out.push_back(id);
    return out.at(random() % out.size());
}

multiformats::peer_id first_online(const fleet& f) {
    return std::ranges::find_if(f.nodes, [](const auto& n) { return n.second.online; })->first;
}

std::size_t count(const fleet& f, bool online) {
    return static_cast<std::size_t>(
        std::ranges::count_if(f.nodes, [&](const auto& n) { return n.second.online == online; }));
}

/// Everybody computes the same, and as many nodes have each image as there should.
void check(const fleet& f) {
    const auto live = count(f, true);
    for (const auto& s : f.strategies) {
        const auto expected = f.placed(s, first_online(f));
        std::size_t chosen = 0;
        std::size_t have = 0;
        for (const auto& [id, n] : f.nodes)
            if (n.online)
                EXPECT_EQ(f.placed(s, id).members, expected.members);
        for (const auto& m : expected.members) {
            const bool is_chosen = m.role == role::owner || m.role == role::substitute;
            chosen += is_chosen && m.online ? 1 : 0;
            have += is_chosen && m.online && f.nodes.at(m.id).complete.contains(*s.digest) ? 1 : 0;
        }
        EXPECT_EQ(have, chosen);
        EXPECT_EQ(expected.slots, slots_for(s.percentage, f.nodes.size()));
        EXPECT_LE(chosen, expected.slots);
        const bool all_settled = std::ranges::all_of(f.nodes, [&](const auto& n) {
            return f.now - n.second.since >= std::max<std::chrono::seconds>(grace, surplus_delay);
        });
        if (all_settled && 2 * live >= f.nodes.size())
            EXPECT_EQ(have, std::min(expected.slots, live));
        if (all_settled && live == f.nodes.size())
            EXPECT_EQ(
                std::ranges::count_if(
                    f.nodes, [&](const auto& n) { return n.second.pinned.contains(*s.digest); }),
                static_cast<std::ptrdiff_t>(expected.slots))
                << "no copy too many is kept";
    }
}

/// One thing that happens; how many copies it may move at most.
std::size_t disturb(fleet& f, rng& random) {
    const auto wanted = f.strategies.size();
    switch (random() % 8) {
        case 0:
            f.join();
            return 2 * wanted;  // its own slot, and the one that rounding up adds
        case 1:
            if (count(f, true) > 2)
                f.turn(any_of(f, random, true), false);
            return 0;  // nothing, within the grace
        case 2:
            if (count(f, false) > 0)
                f.turn(any_of(f, random, false), true);
            return wanted;  // at most what it has missed
        case 3: {
            // Time, for some who are gone to be replaced.
            const auto before = f.now;
            f.now += std::chrono::minutes(random() % 30);
            std::size_t gone = 0;
            for (const auto& [id, n] : f.nodes)
                gone += !n.online && before - n.since < grace && f.now - n.since >= grace ? 1 : 0;
            return gone * wanted;
        }
        case 4: {
            if (count(f, false) == 0)
                return 0;
            f.nodes.erase(any_of(f, random, false));  // forgotten
            return f.strategies.size();
        }
        case 5:
        case 6: {
            const auto& name = names[random() % names.size()];
            f.apply(name, 1 + static_cast<unsigned>(random() % 100));
            if (f.live_holders(plan_world::digest(name)).empty())
                f.give(name, any_of(f, random, true));  // imported by somebody
            return f.nodes.size();
        }
        default:
            if (f.strategies.size() > 1)
                f.strategies.erase(f.strategies.begin());
            return 0;
    }
}

}  // namespace

TEST(fleet, is_exact_alike_and_minimal_through_any_history) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        rng random{seed};
        fleet f;
        for (std::size_t n = 3 + random() % 12; n > 0; --n)
            f.join();
        f.apply("a:1", 50);
        f.give("a:1", any_of(f, random, true));
        f.settle(random);
        for (int step = 0; step < 60; ++step) {
            const auto sees_half = [&] { return 2 * count(f, true) >= f.nodes.size(); };
            const bool saw_half = sees_half();
            const bool was_stuck = std::ranges::any_of(
                f.strategies, [&](const strategy& s) { return f.live_holders(*s.digest).empty(); });
            auto may_move = disturb(f, random);
            if (was_stuck || (!saw_half && sees_half()))  // what was held back is made up for
                may_move = f.nodes.size() * f.strategies.size();
            std::map<crypto::digest, bool> survived;  // the event itself may have taken the last
            for (const auto& s : f.strategies)
                survived[*s.digest] = !f.live_holders(*s.digest).empty();
            const auto moved = f.settle(random);
            EXPECT_LE(moved, may_move);
            for (const auto& s : f.strategies)
                if (survived[*s.digest])
                    EXPECT_FALSE(f.live_holders(*s.digest).empty()) << "the last copy was dropped";
            if (std::ranges::all_of(survived, [](const auto& i) { return i.second; }))
                check(f);
            ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << " step " << step;
        }
    }
}

TEST(fleet, a_tenth_that_is_lost_moves_nothing_before_the_grace_and_is_replaced_after_it) {
    rng random{7};
    fleet f;
    for (int i = 0; i < 100; ++i)
        f.join();
    f.now += 1h;
    const auto& s = f.apply("a:1", 30);
    f.give("a:1", any_of(f, random, true));
    f.settle(random);
    const auto digest = *s.digest;
    const auto owners = f.live_holders(digest);
    ASSERT_EQ(owners.size(), 30u);
    for (const auto& id : owners)
        if (f.live_holders(digest).size() > 20)
            f.turn(id, false);
    f.now += 2min;
    EXPECT_EQ(f.settle(random), 0u);
    f.now += grace;
    EXPECT_EQ(f.settle(random), 10u);
    EXPECT_EQ(f.live_holders(digest).size(), 30u) << "exact again";
    for (const auto& id : owners)
        if (!f.nodes.at(id).online)
            f.turn(id, true);
    EXPECT_EQ(f.settle(random), 0u) << "they are back, with what they had";
    EXPECT_EQ(f.live_holders(digest).size(), 40u);
    f.now += surplus_delay;
    EXPECT_EQ(f.settle(random), 0u);
    EXPECT_EQ(f.live_holders(digest), owners);
}
