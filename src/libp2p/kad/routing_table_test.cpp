#include "libp2p/kad/routing_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "libp2p/kad/peers_for_test.hpp"

using namespace dm;
using namespace dm::kad;
using namespace std::chrono_literals;

namespace {

constexpr steady_time start{};

/// The first n peers whose keys share exactly `bits` bits with that of `self`.
std::vector<peer_id> peers_at(const peer_id& self, std::size_t bits, std::size_t n) {
    std::vector<peer_id> out;
    for (unsigned i = 1; out.size() < n; ++i)
        if (common_prefix_bits(key_of(peer(i)), key_of(self)) == bits)
            out.push_back(peer(i));
    return out;
}

}  // namespace

TEST(kad_routing_table, gives_the_closest_first) {
    routing_table table(key_of(peer(0)));
    std::vector<peer_id> all;
    for (unsigned i = 1; i <= 60; ++i)
        if (table.answered(start, peer(i)))
            all.push_back(peer(i));
    const auto target = key_of(peer(1000));
    std::ranges::sort(all, {}, [&](const peer_id& p) { return distance(key_of(p), target); });
    all.erase(all.begin() + 20, all.end());
    EXPECT_EQ(table.closest(target), all);
    EXPECT_EQ(table.closest(target, 3).size(), 3u);
    EXPECT_TRUE(routing_table(key_of(peer(0))).closest(target).empty());
}

TEST(kad_routing_table, does_not_hold_itself) {
    routing_table table(key_of(peer(0)));
    EXPECT_FALSE(table.answered(start, peer(0)));
    EXPECT_EQ(table.size(), 0u);
}

TEST(kad_routing_table, a_full_bucket_keeps_those_that_answer) {
    routing_table table(key_of(peer(0)), 30min);
    const auto far = peers_at(peer(0), 0, bucket_peers_max + 2);
    for (std::size_t i = 0; i < bucket_peers_max; ++i)
        EXPECT_TRUE(table.answered(start, far[i]));
    EXPECT_FALSE(table.answered(start + 29min, far[bucket_peers_max]));
    for (std::size_t i = 1; i < bucket_peers_max; ++i)
        table.answered(start + 29min, far[i]);
    EXPECT_TRUE(table.answered(start + 30min, far[bucket_peers_max])) << "one was stale";
    EXPECT_FALSE(table.contains(far[0]));
    EXPECT_FALSE(table.answered(start + 30min, far[bucket_peers_max + 1]));
    EXPECT_EQ(table.size(), bucket_peers_max);
}

TEST(kad_routing_table, drops_who_fails_and_takes_another) {
    routing_table table(key_of(peer(0)));
    const auto far = peers_at(peer(0), 0, bucket_peers_max + 1);
    for (const auto& p : far)
        table.answered(start, p);
    table.failed(far[3]);
    table.failed(peer(5000));
    EXPECT_FALSE(table.contains(far[3]));
    EXPECT_TRUE(table.answered(start, far[bucket_peers_max]));
}

TEST(kad_routing_table, names_those_to_be_checked) {
    routing_table table(key_of(peer(0)));
    table.answered(start, peer(1));
    table.answered(start + 5min, peer(2));
    table.answered(start + 2min, peer(3));
    EXPECT_EQ(table.unheard_since(start + 3min), (std::vector{peer(1), peer(3)}));
}

TEST(kad_routing_table, refreshes_every_bucket_that_is_used_and_one_beyond) {
    routing_table table(key_of(peer(0)));
    table.answered(start, peers_at(peer(0), 4, 1)[0]);
    rng random(1);
    const auto targets = table.refresh_targets(random);
    ASSERT_EQ(targets.size(), 6u);
    for (std::size_t i = 0; i < targets.size(); ++i)
        EXPECT_EQ(common_prefix_bits(key_of(targets[i]), key_of(peer(0))), i);
    table.answered(start, peers_at(peer(0), 12, 1)[0]);
    EXPECT_EQ(table.refresh_targets(random).size(), refreshed_buckets_max);
}
