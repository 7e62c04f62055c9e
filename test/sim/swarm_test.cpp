#include <gtest/gtest.h>

#include <algorithm>

#include "swarm_world.hpp"

namespace dm::sim {
namespace {

using seconds = std::chrono::duration<double>;

constexpr double megabit = 1e6 / 8;

std::vector<node_spec> equal_nodes(std::size_t receivers, double bytes_per_second) {
    std::vector<node_spec> out(receivers + 1);
    for (auto& n : out)
        n.up_bytes = n.down_bytes = bytes_per_second;
    out[0].source = true;
    return out;
}

double ratio(const world_result& r, const world_options& o, double bytes_per_second) {
    return r.last * bytes_per_second / static_cast<double>(o.blob_bytes);
}
double copies(const world_result& r, const world_options& o) {
    return static_cast<double>(r.source_bytes) / static_cast<double>(o.blob_bytes);
}
double share(std::uint64_t part, std::uint64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
}

struct fleet {
    std::vector<node_spec> nodes;
    world_options options;
    double ideal = 0;  ///< seconds: nobody could do better
};

/// 200 nodes on links of 4-16 Mbit/s up and 8-32 down, at most 30 neighbours each; with churn, a
/// tenth leaves for good, a tenth is away for 5 s, a tenth comes late.
fleet random_fleet(std::uint64_t seed, bool churn) {
    rng random(seed);
    std::uniform_real_distribution<double> u(0, 1);
    fleet f;
    f.options.blob_bytes = 128 * 262144;
    f.options.delay_min = seconds{0.002};
    f.options.delay_max = seconds{0.08};
    f.options.neighbours = 30;
    f.options.window_bytes = 524288;
    f.nodes.resize(201);
    f.nodes[0] = {.up_bytes = 16 * megabit, .down_bytes = 16 * megabit, .source = true};
    const auto size = static_cast<double>(f.options.blob_bytes);
    double up = 0;
    f.ideal = size / f.nodes[0].up_bytes;
    for (std::size_t i = 1; i < f.nodes.size(); ++i) {
        auto& n = f.nodes[i];
        n.up_bytes = (4 + 12 * u(random)) * megabit;
        n.down_bytes = (8 + 24 * u(random)) * megabit;
        up += n.up_bytes;
        const auto fate = churn ? u(random) : 1;
        if (fate < 0.1) {
            n.leaves = seconds{30 * u(random)};
        } else if (fate < 0.2) {
            n.leaves = seconds{20 * u(random)};
            n.returns = n.leaves + seconds{5};
        } else if (fate < 0.3) {
            n.joins = seconds{10 * u(random)};
        }
        f.ideal = std::max(f.ideal, n.joins.count() + size / n.down_bytes);
    }
    f.ideal = std::max(f.ideal, 200 * size / up);
    return f;
}

TEST(swarm_simulation, four_nodes_at_100_mbit_get_700_mb_in_the_time_of_one_copy) {
    world_options o;
    o.blob_bytes = 700'063'416;
    const auto r = run_world(equal_nodes(4, 100 * megabit), o, 1);
    EXPECT_LT(ratio(r, o, 100 * megabit), 1.03);
    EXPECT_LT(copies(r, o), 1.05);
    EXPECT_EQ(r.duplicate_bytes, 0u);
}

TEST(swarm_simulation, eight_and_sixteen_nodes_at_16_mbit_stay_close_to_one_copy) {
    world_options o;
    o.blob_bytes = 64'026'101;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const auto eight = run_world(equal_nodes(8, 16 * megabit), o, seed);
        EXPECT_LT(ratio(eight, o, 16 * megabit), 1.08);
        EXPECT_LT(copies(eight, o), 1.08);
        const auto sixteen = run_world(equal_nodes(16, 16 * megabit), o, seed);
        EXPECT_LT(ratio(sixteen, o, 16 * megabit), 1.13);
        EXPECT_LT(copies(sixteen, o), 1.13);
        EXPECT_LT(share(sixteen.duplicate_bytes, sixteen.received_bytes), 0.005);
    }
}

TEST(swarm_simulation, one_node_fills_a_long_link) {
    for (const double delay : {0.02, 0.1}) {
        world_options o;
        o.blob_bytes = 200'000'000;
        o.delay_min = o.delay_max = seconds{delay};
        o.window_bytes = 8'000'000;
        const auto r = run_world(equal_nodes(1, 100 * megabit), o, 1);
        EXPECT_LT(ratio(r, o, 100 * megabit), 1.1) << delay;
        EXPECT_EQ(r.duplicate_bytes, 0u);
    }
}

TEST(swarm_simulation, the_same_seed_gives_the_same_trace) {
    auto f = random_fleet(7, true);
    f.nodes.resize(60);
    const auto a = run_world(f.nodes, f.options, 7);
    const auto b = run_world(f.nodes, f.options, 7);
    EXPECT_EQ(a.trace, b.trace);
    EXPECT_EQ(a.finished, b.finished);
    EXPECT_NE(a.trace, run_world(f.nodes, f.options, 8).trace);
}

TEST(swarm_simulation, two_hundred_nodes_finish_close_to_what_links_allow) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const auto f = random_fleet(seed, false);
        const auto r = run_world(f.nodes, f.options, seed);
        EXPECT_LT(r.last / f.ideal, 1.25) << seed;
        EXPECT_LT(share(r.duplicate_bytes, r.received_bytes), 0.015) << seed;
        EXPECT_EQ(std::ranges::count_if(r.finished, [](double t) { return t < 0; }), 0) << seed;
    }
}

TEST(swarm_simulation, two_hundred_nodes_that_come_and_go_finish_too) {
    for (std::uint64_t seed = 11; seed <= 20; ++seed) {
        const auto f = random_fleet(seed, true);
        const auto r = run_world(f.nodes, f.options, seed);
        EXPECT_LT(r.last / f.ideal, 1.4) << seed;
        EXPECT_LT(share(r.duplicate_bytes, r.received_bytes), 0.015) << seed;
        for (std::size_t i = 0; i < f.nodes.size(); ++i)
            if (f.nodes[i].leaves.count() < 0 || f.nodes[i].returns.count() >= 0)
                EXPECT_GE(r.finished[i], 0) << "node " << i << ", seed " << seed;
    }
}

TEST(swarm_simulation, all_finish_when_the_source_leaves_after_one_copy) {
    world_options o;
    o.blob_bytes = 64'026'101;
    auto nodes = equal_nodes(8, 16 * megabit);
    nodes[0].leaves = seconds{1.03 * static_cast<double>(o.blob_bytes) / (16 * megabit)};
    const auto r = run_world(nodes, o, 3);
    EXPECT_LT(ratio(r, o, 16 * megabit), 1.3);
    EXPECT_EQ(std::ranges::count_if(r.finished, [](double t) { return t < 0; }), 0);
}

TEST(swarm_simulation, bad_peers_cost_a_block_each_and_honest_ones_keep_their_rate) {
    world_options o;
    o.blob_bytes = 64'026'101;
    const auto clean = run_world(equal_nodes(8, 16 * megabit), o, 5);
    auto nodes = equal_nodes(8, 16 * megabit);
    for (const auto does : {conduct::silent, conduct::silent, conduct::lying, conduct::lying}) {
        nodes.push_back(nodes.back());
        nodes.back().does = does;
    }
    nodes.push_back({.up_bytes = 1, .down_bytes = 1});  // a byte a second
    nodes.back().joins = seconds{0};
    const auto r = run_world(nodes, o, 5);
    double last = 0;
    for (std::size_t i = 1; i <= 8; ++i) {
        EXPECT_GE(r.finished[i], 0);
        last = std::max(last, r.finished[i]);
    }
    EXPECT_LT(last, clean.last / 0.9);
    EXPECT_LE(r.wrong_bytes, 9u * 2 * 262144);  // a block from each liar to each that asks it
    EXPECT_LT(share(r.duplicate_bytes, r.received_bytes), 0.01);
}

}  // namespace
}  // namespace dm::sim
