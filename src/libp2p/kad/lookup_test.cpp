#include "libp2p/kad/lookup.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "libp2p/kad/peers_for_test.hpp"

using namespace dm;
using namespace dm::kad;

namespace {

/// Servers that know each other through their routing tables.
struct network {
    explicit network(unsigned n, std::uint64_t seed) : random(seed) {
        for (unsigned i = 0; i < n; ++i) {
            all.push_back(peer(i));
            keys.push_back(key_of(peer(i)));
            tables.emplace(peer(i), routing_table(key_of(peer(i))));
        }
        // Each has looked itself up once, and has heard of 60 others.
        for (auto& [id, table] : tables) {
            for (const auto& neighbour : truly_closest(key_of(id), 21))
                table.answered({}, neighbour);
            for (int i = 0; i < 60; ++i)
                table.answered({}, all[random() % all.size()]);
        }
    }

    /// Runs it to its end; answers come in any order. Returns the number of requests.
    std::size_t run(lookup& l, const key& target) {
        std::vector<peer_id> under_way;
        std::size_t requests = 0;
        for (;;) {
            while (const auto next = l.next()) {
                under_way.push_back(*next);
                ++requests;
                most = std::max(most, under_way.size());
            }
            if (under_way.empty())
                break;
            const auto which = random() % under_way.size();
            const auto who = under_way[which];
            under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
            if (dead.contains(who))
                l.failed(who);
            else
                l.answered(who, tables.at(who).closest(target));
        }
        EXPECT_TRUE(l.is_done());
        return requests;
    }

    std::vector<peer_id> truly_closest(const key& target, std::size_t n) const {
        std::map<key, peer_id> sorted;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (!dead.contains(all[i]))
                sorted.emplace(distance(keys[i], target), all[i]);
        std::vector<peer_id> out;
        for (auto it = sorted.begin(); out.size() < n; ++it)
            out.push_back(it->second);
        return out;
    }

    rng random;
    std::vector<peer_id> all;
    std::vector<key> keys;
    std::map<peer_id, routing_table> tables;
    std::set<peer_id> dead;
    std::size_t most = 0;
};

}  // namespace

TEST(kad_lookup, finds_the_closest_of_a_large_network_with_few_requests) {
    network net(500, 7);
    for (unsigned t = 0; t < 10; ++t) {
        const auto target = key_of(peer(10'000 + t));
        lookup l(target, net.tables.at(peer(t)).closest(target));
        const auto requests = net.run(l, target);
        EXPECT_LE(requests, 100u);
        EXPECT_EQ(l.closest().at(0), net.truly_closest(target, 1)[0]);
    }
    EXPECT_EQ(net.most, 10u);
}

TEST(kad_lookup, a_thorough_one_reaches_all_of_the_closest) {
    network net(500, 8);
    const auto target = key_of(peer(10'000));
    lookup l(target, net.tables.at(peer(0)).closest(target), {.is_thorough = true});
    net.run(l, target);
    const auto truth = net.truly_closest(target, 20);
    std::size_t found = 0;
    for (const auto& p : l.closest())
        found += static_cast<std::size_t>(std::ranges::count(truth, p));
    EXPECT_GE(found, 19u);
}

TEST(kad_lookup, goes_around_dead_servers) {
    network net(500, 9);
    for (unsigned i = 0; i < 500; i += 3)
        net.dead.insert(peer(i));
    for (unsigned t = 0; t < 10; ++t) {
        const auto target = key_of(peer(20'000 + t));
        lookup l(target, net.tables.at(peer(1)).closest(target));
        net.run(l, target);
        ASSERT_FALSE(l.closest().empty());
        EXPECT_FALSE(net.dead.contains(l.closest()[0]));
        const auto truth = net.truly_closest(target, 5);
        EXPECT_EQ(std::ranges::count(truth, l.closest()[0]), 1);
    }
}

TEST(kad_lookup, ends_when_nobody_answers_or_nobody_is_known) {
    lookup none(key_of(peer(1)), {});
    EXPECT_FALSE(none.next());
    EXPECT_TRUE(none.is_done());
    lookup dead(key_of(peer(1)), {peer(2)});
    EXPECT_FALSE(dead.is_done());
    dead.next();
    EXPECT_FALSE(dead.is_done());
    dead.failed(peer(2));
    EXPECT_TRUE(dead.is_done());
    EXPECT_TRUE(dead.closest().empty());
}

TEST(kad_lookup, stops_early_when_told) {
    lookup l(key_of(peer(1)), {peer(2), peer(3)});
    l.next();
    l.stop();
    EXPECT_FALSE(l.next());
    EXPECT_FALSE(l.is_done()) << "one request is under way";
    l.answered(peer(2), {});
    l.answered(peer(3), {});
    l.answered(peer(2), {});
    l.failed(peer(3));
    EXPECT_EQ(l.closest().size() + (l.is_done() ? 0u : 1u), 1u);
}

TEST(kad_lookup, a_flood_of_candidates_is_cut) {
    const auto target = key_of(peer(0));
    lookup l(target, {peer(1)}, {.candidates_max = 30});
    const auto first = l.next();
    std::vector<peer_id> flood;
    for (unsigned i = 2; i < 5'000; ++i)
        flood.push_back(peer(i));
    l.answered(*first, flood);
    std::size_t asked = 0;
    std::set<peer_id> seen;
    for (; const auto next = l.next(); ++asked) {
        EXPECT_TRUE(seen.insert(*next).second);
        l.failed(*next);
    }
    EXPECT_LE(asked, 30u);
    EXPECT_TRUE(l.is_done());
}
