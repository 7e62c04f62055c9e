#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.hpp"
#include "control/plan/plan_world.hpp"

using namespace dm;
using namespace dm::plan;

namespace {

const std::vector<std::string> names{"a:1", "a:2", "b:1"};
const std::vector<std::string> contents{"v1", "v2", "v3"};

// One thing that an operator, a user of the engine, or fate does.
void disturb(plan_world& w, rng& random) {
    const auto& name = names[random() % names.size()];
    const auto& content = contents[random() % contents.size()];
    switch (random() % 9) {
        case 0:
        case 1:
            w.apply(name, content).replace = random() % 4 == 0;
            break;
        case 2:
            w.target(name, content, {w.members[0].id}).execute = random() % 3 != 0;
            break;
        case 3:
            if (!w.strategies.empty())
                w.strategies.erase(w.strategies.begin() +
                                   static_cast<std::ptrdiff_t>(random() % w.strategies.size()));
            break;
        case 4:  // somebody pulls or builds
            w.tag(random() % 2 == 0 ? "sha256:theirs" : plan_world::engine_id(content), name);
            break;
        case 5:
            w.remove_name(name);
            break;
        case 6:
            if (!w.engine.images.empty())
                w.engine.images[random() % w.engine.images.size()].containers = {"web"};
            break;
        case 7:
            for (auto& i : w.engine.images)
                i.containers.clear();
            break;
        case 8:
            for (auto& i : w.images)
                if (!i.pinned)
                    i.complete = random() % 2 == 0;  // the store evicted it
            break;
    }
}

// Removals that the plan proposes are of what we placed, unused and unwanted.
void check_removals(const plan_world& w, const outcome& p) {
    for (const auto& a : p.actions) {
        if (a.kind != action_kind::untag && a.kind != action_kind::remove_image)
            continue;
        EXPECT_NE(std::ranges::find(w.placed, placed_name{a.name, a.image_id}), w.placed.end());
        const auto image = std::ranges::find(w.engine.images, a.image_id, &engine_image::id);
        ASSERT_NE(image, w.engine.images.end());
        EXPECT_TRUE(image->containers.empty());
        if (a.kind == action_kind::remove_image)
            EXPECT_TRUE(image->names.empty());
        else
            EXPECT_NE(std::ranges::find(image->names, a.name), image->names.end());
    }
}

// Nothing is left to plan: what the statuses say is so.
void check_settled(const plan_world& w) {
    const auto p = w.plan();
    for (const auto& s : p.statuses) {
        const auto& what = *std::ranges::find_if(
            w.strategies, [&](const strategy& other) { return id_of(other) == s.strategy; });
        const auto* there = image_named(w.engine, what.image.engine_name());
        if (!what.execute)
            EXPECT_EQ(s.phase, phase::paused);
        else if (s.phase == phase::done)
            EXPECT_EQ(there == nullptr ? "" : there->id, plan_world::engine_id_of(*what.digest));
        else
            EXPECT_TRUE(s.phase == phase::conflict || s.phase == phase::superseded)
                << name_of(s.phase);
    }
    // Every name that is ours is accounted for.
    EXPECT_LE(p.kept.size(), w.placed.size());
}

}  // namespace

TEST(plan, settles_and_is_true_after_any_history) {
    for (std::uint64_t seed = 0; seed < 80; ++seed) {
        rng random{seed};
        plan_world w;
        for (const auto& content : contents)
            w.imported(content);
        for (int step = 0; step < 30; ++step) {
            disturb(w, random);
            for (int round = 0; round < 10; ++round) {
                const auto p = w.plan();
                check_removals(w, p);
                if (p.actions.empty())
                    break;
                for (const auto& a : p.actions)
                    w.carry_out(a);
                // Now and then the node is stopped, or the world moves on, half-way.
                if (random() % 5 == 0)
                    disturb(w, random);
            }
            ASSERT_LT(w.settle(), 10u) << "seed " << seed << " step " << step;
            check_settled(w);
            if (::testing::Test::HasFailure())
                FAIL() << "seed " << seed << " step " << step;
        }
        // At last nothing is wanted or used any more: we leave no trace.
        w.strategies.clear();
        for (auto& i : w.engine.images)
            i.containers.clear();
        ASSERT_LT(w.settle(), 10u) << "seed " << seed;
        EXPECT_TRUE(w.placed.empty()) << "seed " << seed;
        for (const auto& i : w.images)
            EXPECT_FALSE(i.pinned) << "seed " << seed;
    }
}
