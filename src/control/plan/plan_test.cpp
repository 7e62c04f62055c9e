#include "control/plan/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.hpp"
#include "control/plan/plan_world.hpp"
#include "control/plan/want.hpp"

using namespace dm;
using namespace dm::plan;
using namespace std::chrono_literals;

namespace {

using world = plan_world;
using steps = std::vector<std::string>;

const std::string id_1 = world::engine_id("v1");
const std::string id_2 = world::engine_id("v2");

// A node that has carried out a strategy for busybox:1, whose tag means image v1.
world settled() {
    world w;
    w.complete("v1");
    w.apply("busybox:1", "v1");
    EXPECT_LT(w.settle(), 10u);
    return w;
}

std::string kept(const world& w) {
    std::string out;
    for (const auto& k : w.plan().kept)
        out += fmt::format("{}{}: {}", out.empty() ? "" : "\n", k.name, k.reason);
    return out;
}

}  // namespace

TEST(plan, imports_then_pins_then_loads) {
    world w;
    w.image("v1");
    w.apply("busybox:1", "v1");
    EXPECT_EQ(w.status(), "importing: this node imports it");
    const auto first = w.plan().actions;
    ASSERT_EQ(first.size(), 1u);
    EXPECT_EQ(first[0].kind, action_kind::import_image);
    EXPECT_EQ(first[0].image, world::digest("v1"));
    EXPECT_EQ(first[0].platforms, std::vector{w.members[0].platform});
    w.carry_out(first[0]);
    EXPECT_EQ(w.steps(), (steps{"pin", "load busybox:1"}));
    EXPECT_EQ(w.status(), "loading");
    EXPECT_EQ(w.settle(), 1u);
    EXPECT_EQ(w.status(), "done");
    EXPECT_EQ(kept(w), "busybox:1: wanted by percentage-busybox:1-100-active");
}

TEST(plan, fetches_what_the_fleet_has) {
    world w;
    w.imported("v1");
    w.apply("busybox:1", "v1");
    EXPECT_EQ(w.steps(), steps{"fetch"});
    EXPECT_EQ(w.status(), "fetching");
    w.settle();
    EXPECT_EQ(w.status(), "done");
}

TEST(plan, says_how_much_room_is_missing) {
    world w;
    w.imported("v1").bytes_missing = 3ULL << 30;
    w.apply("busybox:1", "v1");
    EXPECT_TRUE(w.steps().empty());
    EXPECT_EQ(w.status(), "blocked: needs 3.0 GiB, 1.0 GiB are available");
    w.imported("v2").bytes_missing = 700 << 20;
    w.imported("v3").bytes_missing = 700 << 20;
    w.apply("alpine:2", "v2");
    w.apply("alpine:3", "v3");
    EXPECT_EQ(w.steps(), steps{"fetch"});
    EXPECT_EQ(w.status(0), "fetching");
    EXPECT_EQ(w.status(1), "blocked: needs 700 MiB, 324 MiB are available");
}

TEST(plan, of_a_store_only_node_ends_at_the_pin) {
    world w;
    w.engine.present = false;
    w.complete("v1");
    w.apply("busybox:1", "v1");
    EXPECT_EQ(w.steps(), steps{"pin"});
    EXPECT_EQ(w.status(), "done: in the store");
}

TEST(plan, waits_for_an_engine_that_does_not_answer) {
    auto w = settled();
    w.engine.available = false;
    w.engine.images.clear();
    EXPECT_EQ(w.status(), "engine_unavailable: the container engine does not answer");
    w.strategies.clear();
    EXPECT_EQ(w.steps(), steps{"unpin"});  // and nothing is disowned or removed
}

TEST(plan, loads_again_what_somebody_removed) {
    auto w = settled();
    w.remove_name("busybox:1");
    EXPECT_EQ(w.steps(), steps{"load busybox:1"});
    w.settle();
    EXPECT_EQ(w.status(), "done");
}

TEST(plan, removes_what_no_strategy_wants) {
    auto w = settled();
    w.strategies.clear();
    EXPECT_EQ(w.steps(), (steps{"untag busybox:1", "unpin"}));
    EXPECT_EQ(w.settle(), 2u);
    EXPECT_TRUE(w.engine.images.empty());
    EXPECT_TRUE(w.placed.empty());
    EXPECT_FALSE(w.images[0].pinned);
}

TEST(plan, keeps_an_image_that_a_container_uses_until_it_is_gone) {
    auto w = settled();
    w.engine.images[0].containers = {"web"};
    w.strategies.clear();
    EXPECT_EQ(w.steps(), steps{"unpin"});
    EXPECT_EQ(kept(w), "busybox:1: used by container web");
    w.engine.images[0].containers = {"e", "b", "d", "c", "a"};
    EXPECT_EQ(kept(w), "busybox:1: used by containers a, b, c and 2 more");
    w.engine.images[0].containers.clear();
    w.settle();
    EXPECT_TRUE(w.engine.images.empty());
}

TEST(plan, uses_but_never_removes_the_same_image_of_somebody_else) {
    world w;
    w.complete("v1");
    w.in_engine(id_1, {"busybox:1"});
    w.apply("busybox:1", "v1");
    EXPECT_EQ(w.steps(), steps{"pin"});
    EXPECT_EQ(w.status(), "done: was there already, and will not be removed");
    w.settle();
    w.strategies.clear();
    w.settle();
    ASSERT_EQ(w.engine.images.size(), 1u);
    EXPECT_EQ(w.engine.images[0].names, steps{"busybox:1"});
}

TEST(plan, does_not_take_a_name_from_somebody_elses_image) {
    world w;
    w.complete("v1");
    w.in_engine("sha256:theirs", {"busybox:1"});
    auto& s = w.apply("busybox:1", "v1");
    EXPECT_EQ(w.status(), "conflict: busybox:1 is another image that DistroMash did not place");
    EXPECT_EQ(w.steps(), steps{"pin"});
    s.replace = true;
    w.settle();
    EXPECT_EQ(w.status(), "done");
    EXPECT_EQ(image_named(w.engine, "busybox:1")->id, id_1);
    // What was theirs is nameless now, and stays.
    w.strategies.clear();
    w.settle();
    ASSERT_EQ(w.engine.images.size(), 1u);
    EXPECT_EQ(w.engine.images[0].id, "sha256:theirs");
}

TEST(plan, gives_a_name_up_that_somebody_pointed_elsewhere) {
    auto w = settled();
    w.tag("sha256:theirs", "busybox:1");
    EXPECT_EQ(w.status(), "conflict: busybox:1 is another image that DistroMash did not place");
    EXPECT_TRUE(w.steps().empty());  // ours is nameless, but wanted
    w.strategies.clear();
    EXPECT_EQ(w.steps(), (steps{"remove_image busybox:1", "unpin"}));
    w.settle();
    ASSERT_EQ(w.engine.images.size(), 1u);
    EXPECT_EQ(w.engine.images[0].id, "sha256:theirs");
    EXPECT_TRUE(w.placed.empty());
}

TEST(plan, leaves_an_image_of_ours_that_somebody_gave_another_name) {
    auto w = settled();
    w.tag(id_1, "mine:1");
    w.strategies.clear();
    EXPECT_EQ(w.steps(), (steps{"untag busybox:1", "unpin"}));
    w.settle();
    ASSERT_EQ(w.engine.images.size(), 1u);
    EXPECT_EQ(w.engine.images[0].names, steps{"mine:1"});
    EXPECT_TRUE(w.placed.empty());
}

TEST(plan, moves_our_own_tag_when_it_means_another_image) {
    auto w = settled();
    w.complete("v2");
    w.apply("busybox:1", "v2");
    EXPECT_EQ(w.steps(), (steps{"pin", "load busybox:1", "unpin"}));
    EXPECT_EQ(w.settle(), 3u);
    ASSERT_EQ(w.engine.images.size(), 1u);  // the earlier one went
    EXPECT_EQ(w.engine.images[0].id, id_2);
    EXPECT_EQ(w.placed, (std::vector<placed_name>{{"busybox:1", id_2}}));
    EXPECT_EQ(w.status(), "done");
}

TEST(plan, keeps_the_earlier_image_of_a_moved_tag_while_a_container_uses_it) {
    auto w = settled();
    w.engine.images[0].containers = {"web"};
    w.complete("v2");
    w.apply("busybox:1", "v2");
    w.settle();
    EXPECT_EQ(image_named(w.engine, "busybox:1")->id, id_2);
    EXPECT_EQ(w.engine.images.size(), 2u);
    EXPECT_NE(kept(w).find("busybox:1: an earlier image of that name, used by container web"),
              std::string::npos);
    w.engine.images[0].containers.clear();
    w.settle();
    EXPECT_EQ(w.engine.images.size(), 1u);
}

TEST(plan, keeps_a_name_that_another_strategy_wants) {
    auto w = settled();
    w.target("busybox:1", "v1", {w.members[0].id});
    EXPECT_TRUE(w.steps().empty());
    EXPECT_EQ(w.status(0), "done");
    EXPECT_EQ(w.status(1), "done");
    w.strategies.erase(w.strategies.begin());
    EXPECT_TRUE(w.steps().empty());
    EXPECT_EQ(kept(w),
              "busybox:1: wanted by target-busybox:1-" + w.members[0].id.to_string() + "-active");
}

TEST(plan, takes_one_of_two_names_from_an_image) {
    auto w = settled();
    w.apply("busybox:latest", "v1");
    EXPECT_EQ(w.steps(), steps{"load busybox:latest"});
    w.settle();
    ASSERT_EQ(w.engine.images.size(), 1u);
    w.strategies.erase(w.strategies.begin());
    EXPECT_EQ(w.steps(), steps{"untag busybox:1"});
    w.settle();
    EXPECT_EQ(w.engine.images.at(0).names, steps{"busybox:latest"});
    EXPECT_TRUE(w.images[0].pinned);
}

TEST(plan, lets_the_newest_strategy_have_a_name) {
    auto w = settled();
    w.complete("v2");
    w.target("busybox:1", "v2", {w.members[0].id});
    EXPECT_EQ(w.status(0), "loading");
    EXPECT_EQ(w.status(1), "superseded: a newer strategy puts another image under busybox:1");
    w.settle();
    EXPECT_EQ(image_named(w.engine, "busybox:1")->id, id_2);
    EXPECT_FALSE(w.images[0].pinned);
    // When that goes, the older one counts again.
    w.strategies.pop_back();
    w.settle();
    EXPECT_EQ(image_named(w.engine, "busybox:1")->id, id_1);
}

TEST(plan, freezes_what_a_paused_strategy_has) {
    auto w = settled();
    w.strategies[0].execute = false;
    EXPECT_TRUE(w.steps().empty());
    EXPECT_EQ(w.status(), "paused: nothing is fetched, loaded or removed for it");
    EXPECT_EQ(kept(w), "busybox:1: percentage-busybox:1-100-inactive is paused");
    w.remove_name("busybox:1");
    EXPECT_EQ(w.steps(), steps{"disown busybox:1"});
    w.strategies[0].execute = true;
    w.settle();
    EXPECT_EQ(w.status(), "done");
}

TEST(plan, starts_nothing_for_a_strategy_that_was_never_executed) {
    world w;
    w.image("v1");
    w.complete("v2");
    w.apply("busybox:1", "v1").execute = false;
    w.apply("busybox:2", "v2").execute = false;
    EXPECT_TRUE(w.steps().empty());
    w.strategies[1].execute = true;
    w.strategies[0].digest = world::digest("v2");  // the same image, still paused
    EXPECT_EQ(w.steps(), (steps{"pin", "load busybox:2"}));
}

TEST(plan, keeps_a_name_while_its_tag_is_not_resolved) {
    auto w = settled();
    w.strategies[0].digest.reset();
    EXPECT_EQ(w.status(), "unresolved: it is not known yet which image the tag means");
    EXPECT_EQ(w.steps(), steps{"unpin"});
    EXPECT_EQ(kept(w), "busybox:1: percentage-busybox:1-100-active is not resolved yet");
}

TEST(plan, plans_nothing_before_the_node_is_a_member) {
    auto w = settled();
    w.strategies.clear();
    w.members[0].id = world::peer(7);
    const auto p = make_plan(
        {.self = world::peer(0), .members = w.members, .engine = w.engine, .placed = w.placed});
    EXPECT_TRUE(p.actions.empty());
}

TEST(plan, survives_a_stop_between_writing_down_a_name_and_setting_it) {
    world w;
    w.complete("v1");
    w.apply("busybox:1", "v1");
    w.placed = {{"busybox:1", id_1}};
    w.in_engine(id_1, {});  // pulled, not tagged
    EXPECT_EQ(w.steps(), (steps{"pin", "load busybox:1"}));
    w.strategies.clear();
    w.settle();
    EXPECT_TRUE(w.engine.images.empty());
    EXPECT_TRUE(w.placed.empty());
}

TEST(plan, knows_images_by_the_ids_of_both_kinds_of_engine) {
    world w;
    w.complete("v1");
    w.apply("busybox:1", "v1");
    const auto ids = engine_ids(*w.images[0].record, w.members[0].platform);
    EXPECT_EQ(ids, (steps{id_1, world::digest("v1 linux/amd64 manifest").to_string(),
                          world::digest("v1").to_string()}));
    for (const auto& id : ids) {
        w.engine.images.clear();
        w.in_engine(id, {"busybox:1"});
        EXPECT_EQ(w.status(), "done: was there already, and will not be removed");
    }
    EXPECT_TRUE(engine_ids(*w.images[0].record, {"linux", "s390x"}).empty());
}

TEST(plan, reports_an_image_that_does_not_run_here) {
    world w;
    w.imported("v1", {{"linux", "s390x"}});
    w.target("busybox:1", "v1", {w.members[0].id});
    EXPECT_EQ(w.status(), "wrong_platform: the image does not exist for linux/amd64");
    w.apply("busybox:1", "v1");
    EXPECT_EQ(w.status(), "not_chosen: 0 of 0 nodes have it, this is none of them");
    EXPECT_TRUE(w.steps().empty());
}

TEST(plan, imports_the_platforms_of_the_chosen_nodes) {
    world w;
    w.members.push_back({.id = world::peer(1), .platform = {"linux", "arm64"}});
    w.members.push_back({.id = world::peer(2), .platform = {"linux", "riscv64"}});
    w.image("v1");
    w.target("busybox:1", "v1", {world::peer(0), world::peer(1)});
    EXPECT_EQ(w.plan().actions.at(0).platforms,
              (std::vector<oci::platform>{{"linux", "amd64"}, {"linux", "arm64"}}));
    // A platform that is missing in the record is imported with those that are there.
    w.imported("v1", {{"linux", "amd64"}, {"linux", "arm64"}, {"linux", "riscv64"}}, 2);
    const auto p = w.plan();
    EXPECT_EQ(p.actions.at(0).kind, action_kind::import_image);
    EXPECT_EQ(p.actions.at(0).platforms,
              (std::vector<oci::platform>{{"linux", "amd64"}, {"linux", "arm64"}}));
    EXPECT_EQ(p.actions.at(1).kind, action_kind::fetch);
}

TEST(plan, lets_others_import_when_the_node_that_took_the_request_does_not) {
    world w;
    for (std::uint8_t i = 1; i < 4; ++i)
        w.members.push_back({.id = world::peer(i), .platform = {"linux", "amd64"}});
    w.image("v1");
    w.apply("busybox:1", "v1").origin = world::peer(3);
    EXPECT_EQ(w.status(), "importing: another node imports it");
    const auto ranked = place(w.strategies[0], {}, w.members, world::peer(0), w.now).members;
    std::size_t before = 0;  // online members that are asked first, the origin not counted
    for (const auto& m : ranked) {
        if (m.id == world::peer(0))
            break;
        before += m.id == world::peer(3) ? 0 : 1;
    }
    w.now += 30s * (static_cast<int>(before) + 1) - 1s;
    EXPECT_TRUE(w.steps().empty());
    w.now += 1s;
    EXPECT_EQ(w.steps(), steps{"import"});
    w.images[0].import_seen = w.now;  // somebody makes progress
    EXPECT_TRUE(w.steps().empty());
}

TEST(plan, never_drops_the_last_copy_of_what_is_wanted_elsewhere) {
    world w;
    w.members.push_back({.id = world::peer(1), .platform = {"linux", "amd64"}});
    w.complete("v1");
    w.target("busybox:1", "v1", {world::peer(0)});
    w.settle();
    w.target("busybox:1", "v1", {world::peer(1)});
    EXPECT_EQ(w.status(), "not_chosen: kept until a node that owns it has it");
    EXPECT_TRUE(w.steps().empty());
    w.images[0].holders = {world::peer(1)};
    EXPECT_EQ(w.steps(), (steps{"untag busybox:1", "unpin"}));
    w.images[0].holders.clear();
    w.target("busybox:1", "v1", {world::peer(9)});  // no member yet
    EXPECT_TRUE(w.steps().empty());
}

TEST(plan, of_two_that_could_both_drop_the_last_copies_one_keeps_it) {
    world w;
    for (std::uint8_t i = 1; i < 3; ++i)
        w.members.push_back({.id = world::peer(i), .platform = {"linux", "amd64"}});
    w.complete("v1").pinned = true;
    w.apply("busybox:1", "v1", 30);
    const auto ranked = place(w.strategies[0], {}, w.members, world::peer(0), w.now).members;
    // The owner is offline, and nobody may substitute.
    for (const bool this_is_second : {true, false}) {
        const auto self = ranked[this_is_second ? 1 : 2].id;
        const auto other = ranked[this_is_second ? 2 : 1].id;
        auto view = w.images[0];
        view.holders = {other};
        want seen{.what = &w.strategies[0], .id = "x", .placement = {}, .image = &view};
        seen.placement.slots = 1;
        seen.placement.members = {{ranked[0].id, role::owner, false},
                                  {ranked[1].id, role::none, true},
                                  {ranked[2].id, role::none, true}};
        EXPECT_EQ(reason_to_keep(seen, self).empty(), !this_is_second);
    }
}

TEST(plan, a_substitute_makes_nothing_go_for_the_image) {
    world w;
    for (std::uint8_t i = 1; i < 4; ++i)
        w.members.push_back({.id = world::peer(i), .platform = {"linux", "amd64"}});
    w.imported("v1");
    auto& s = w.apply("busybox:1", "v1", 25);
    const auto ranked = place(s, {}, w.members, world::peer(0), w.now).members;
    std::ranges::swap(w.members[0].id, std::ranges::find(w.members, ranked[1].id, &member::id)->id);
    auto& owner = *std::ranges::find(w.members, ranked[0].id, &member::id);
    owner.online = false;
    owner.since = w.now - 16min;
    w.bytes_unused = 999;
    EXPECT_EQ(w.status(), "blocked: needs 1000 B, 999 B are unused: a substitute takes no more");
    w.bytes_unused = 1000;
    EXPECT_EQ(w.status(), "fetching");
    owner.online = true;
    w.members[0].online = true;
    w.bytes_unused = 0;
    s.percentage = 100;  // now it owns a slot, and old images may go for it
    EXPECT_EQ(w.status(), "fetching");
}

TEST(plan, keeps_but_does_not_obtain_what_is_surplus) {
    world w;
    for (std::uint8_t i = 1; i < 4; ++i)
        w.members.push_back({.id = world::peer(i), .platform = {"linux", "amd64"}});
    w.complete("v1");
    auto& s = w.apply("busybox:1", "v1", 25);
    const auto ranked = place(s, {}, w.members, world::peer(0), w.now).members;
    std::ranges::swap(w.members[0].id, std::ranges::find(w.members, ranked[1].id, &member::id)->id);
    auto& owner = *std::ranges::find(w.members, ranked[0].id, &member::id);
    owner.online = false;
    owner.since = w.now - 1min;
    EXPECT_EQ(w.status(), "not_chosen: kept until the nodes that own it are back");
    EXPECT_EQ(w.steps(), steps{"pin"});
    owner.since = w.now - 16min;
    EXPECT_EQ(w.status(), "loading");  // now it substitutes
    w.settle();
    owner.online = true;
    owner.was_offline = true;
    owner.since = w.now - 4min;
    EXPECT_TRUE(w.steps().empty());
    owner.since = w.now - 5min;
    EXPECT_TRUE(w.steps().empty());  // the owner has not got it yet
    w.images[0].holders = {owner.id};
    EXPECT_EQ(w.steps(), (steps{"untag busybox:1", "unpin"}));
}

TEST(plan, is_the_same_in_whatever_order_its_inputs_come) {
    auto w = settled();
    w.complete("v2");
    w.imported("v3");
    w.apply("busybox:1", "v2");
    w.apply("alpine:2", "v3");
    w.target("alpine:2", "v1", {w.members[0].id});
    const auto expected = w.plan();
    for (auto random = rng{4}; random() % 50 != 0;) {
        std::ranges::shuffle(w.strategies, random);
        std::ranges::shuffle(w.engine.images, random);
        std::ranges::shuffle(w.placed, random);
        const auto p = w.plan();
        EXPECT_EQ(p.actions, expected.actions);
        EXPECT_EQ(p.statuses, expected.statuses);
        EXPECT_EQ(p.kept, expected.kept);
    }
}
