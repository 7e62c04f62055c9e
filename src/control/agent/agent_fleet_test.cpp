#include <gtest/gtest.h>

#include <algorithm>

#include "control/agent/agent_world_for_test.hpp"
#include "control/agent/errc.hpp"

using namespace dm;
using namespace dm::agent;
using dm::agent::testing::in_world;
using dm::agent::testing::world;
using presence::liveness;

namespace {

/// A report of a node that does `status` about the strategy, and has the images.
report::node_report saying(const strategy_view& s, report::image_status status,
                           std::vector<crypto::digest> held = {}) {
    report::node_report r;
    r.engine = "docker 20.10.24";
    r.engine_state = "ready";
    r.disk_free_bytes = 1'000'000'000;
    r.lines = {{*report::strategy_number(s.id), std::move(status)}};
    for (const auto& digest : held)
        r.held.push_back(report::mark_of(digest));
    return r;
}

const node_line& line_of(const strategy_view& s, const multiformats::peer_id& peer) {
    return *std::ranges::find(s.nodes, peer.to_string(), &node_line::peer);
}

node_view node_of(world& w, const multiformats::peer_id& peer) {
    const auto all = w.node().nodes();
    return *std::ranges::find(all, peer.to_string(), &node_view::peer);
}

plan::strategy_request target(std::string_view image, const multiformats::peer_id& peer) {
    plan::strategy_request out;
    out.type = plan::strategy_type::target;
    out.image = value_or_throw(oci::parse_reference(image));
    out.targets = {peer};
    return out;
}

}  // namespace

TEST(agent_fleet, other_nodes_are_shown_as_they_say_they_are) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        const auto peer = world::other(1);
        co_await w.join(peer);
        auto s = co_await w.node().apply(world::request("busybox:1"));
        EXPECT_EQ(s.desired, 2u);
        EXPECT_EQ(line_of(s, peer).status.reason, "the node has not said anything yet");
        EXPECT_FALSE(node_of(w, peer).disk_free_bytes);

        std::set<std::string> noticed;
        const auto watching = w.node().watch([&](const notice& n) { noticed.insert(n.type); });
        w.hear(peer, liveness::online,
               saying(s, {.state = image_state::importing, .bytes_done = 42, .bytes_total = 100}));
        EXPECT_TRUE(noticed.contains("strategy"));
        EXPECT_TRUE(noticed.contains("node"));
        s = w.node().strategy(s.id);
        EXPECT_EQ(line_of(s, peer).status.state, image_state::importing);
        EXPECT_EQ(line_of(s, peer).status.bytes_done, 42u);
        EXPECT_EQ(node_of(w, peer).engine, "docker 20.10.24");
        EXPECT_EQ(node_of(w, peer).disk_free_bytes, 1'000'000'000u);

        w.hear(peer, liveness::online, saying(s, {.state = image_state::loaded}));
        noticed.clear();
        w.hear(peer, liveness::online,
               saying(s, {.state = image_state::loaded}, {*s.record.digest}));
        EXPECT_EQ(noticed, std::set<std::string>{"node"}) << "only what it holds is new";
        s = w.node().strategy(s.id);
        EXPECT_GE(s.actual, 1u);
        EXPECT_EQ(node_of(w, peer).images_held, 1u);
        w.hear(peer, liveness::offline, saying(s, {.state = image_state::loaded}));
        s = w.node().strategy(s.id);
        EXPECT_EQ(line_of(s, peer).status.state, image_state::pending);
        EXPECT_EQ(line_of(s, peer).status.reason, "the node is offline; it had the image");
        EXPECT_EQ(node_of(w, peer).state, liveness::offline);
    });
}

TEST(agent_fleet, how_many_images_this_node_holds_is_told_when_it_changes) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        bool is_told = false;
        const auto watching = w.node().watch([&](const notice& n) {
            is_told |= n.type == "node" && n.json.contains(world::self().to_string());
        });
        const auto held = [&] { return node_of(w, world::self()).images_held; };
        const auto until_told = [&](std::size_t count) {
            return w.until([&, count] { return std::exchange(is_told, false) && held() == count; });
        };
        const auto all = co_await w.node().apply(world::request("busybox:1"));
        co_await until_told(1);
        auto some = world::request("busybox:1");
        some.selector = {{"site", "none"}};
        const auto other = co_await w.node().apply(some);
        EXPECT_EQ(held(), 1u) << "the image of two strategies is one";
        co_await w.node().remove_strategy(other.id);
        co_await w.node().remove_strategy(all.id);
        co_await until_told(0);
    });
}

TEST(agent_fleet, a_node_says_what_it_has_and_does) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        const auto digest = co_await w.import("busybox:1");
        const auto s = co_await w.node().apply(world::request("busybox:1"));
        const auto number = *report::strategy_number(s.id);
        co_await w.until_told([&](const report::node_report& r) {
            const auto* line = r.find(number);
            return r.holds(digest) && line && line->status.state == image_state::loaded;
        });
        EXPECT_EQ(w.told.engine_state, "ready");
        EXPECT_GT(w.told.disk_free_bytes, 0u);
        co_await w.node().set_execute(s.id, false);
        co_await w.until_told([&](const report::node_report& r) { return r.lines.empty(); });
        co_await w.node().remove_strategy(s.id);
        co_await w.until_told([&](const report::node_report& r) { return r.held.empty(); });
    });
}

TEST(agent_fleet, who_imports_for_others_says_so) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        w.origin.is_stalled = true;
        const auto peer = world::other(1);
        co_await w.join(peer);
        const auto s = co_await w.node().apply(target("busybox:1", peer));
        const auto number = *report::strategy_number(s.id);
        co_await w.until_told([&](const report::node_report& r) {
            const auto* line = r.find(number);
            return line && line->status.state == image_state::importing;
        });
        EXPECT_FALSE(line_of(w.node().strategy(s.id), world::self()).chosen);
    });
}

TEST(agent_fleet, the_last_copy_stays_until_its_owner_says_that_it_has_one) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        const auto peer = world::other(1);
        co_await w.join(peer);
        co_await w.import("busybox:1");
        co_await w.node().apply(target("busybox:1", world::self()));
        co_await w.until_state("busybox:1", image_state::loaded);
        const auto s = co_await w.node().apply(target("busybox:1", peer));
        co_await w.until([&] {
            return w.node().strategy(s.id).nodes.size() == 2 &&
                   line_of(w.node().strategy(s.id), world::self()).status.reason ==
                       "kept until a node that owns it has it";
        });
        w.hear(peer, liveness::suspect, saying(s, {.state = image_state::importing}));
        EXPECT_TRUE(co_await w.engine.inspect("busybox:1"));
        w.hear(peer, liveness::suspect,
               saying(s, {.state = image_state::stored}, {*s.record.digest}));
        co_await w.until_nothing_is_placed();
        EXPECT_FALSE(co_await w.engine.inspect("busybox:1"));
    });
}

TEST(agent_fleet, a_dry_run_says_who_gains_and_who_loses) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        const auto peer = world::other(1);
        co_await w.join(peer);
        const auto digest = co_await w.import("busybox:1");
        const auto tried = co_await w.node().dry_run(world::request("busybox:1"));
        EXPECT_EQ(tried.desired, 2u);
        for (const auto& line : tried.nodes) {
            const bool is_self = line.peer == world::self().to_string();
            EXPECT_EQ(line.gains, !is_self);
            EXPECT_EQ(line.bytes.value() > 0, !is_self);
        }
        const auto s = co_await w.node().apply(target("busybox:1", peer));
        w.hear(peer, liveness::online, saying(s, {.state = image_state::loaded}, {digest}));
        for (const bool executes : {true, false}) {
            auto moved = target("busybox:1", world::self());
            moved.execute = executes;
            const auto preview = co_await w.node().dry_run(moved);
            for (const auto& line : preview.nodes) {
                EXPECT_FALSE(line.gains);
                EXPECT_EQ(line.loses, executes && line.peer == peer.to_string());
            }
        }
    });
}

TEST(agent_fleet, labels_of_an_operator_go_over_those_of_the_node) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        const auto peer = world::other(1);
        co_await w.join(peer, {{"site", "lab"}, {"rack", "7"}});
        auto request = world::request("busybox:1");
        request.selector = {{"site", "store"}};
        EXPECT_EQ((co_await w.node().apply(request)).desired, 0u);
        co_await w.node().label_node(peer, {{"site", "store"}, {"rack", std::nullopt}});
        EXPECT_EQ(node_of(w, peer).labels, (plan::labels{{"site", "store"}}));
        const auto s = w.node().strategies().front();
        EXPECT_EQ(s.desired, 1u);
        EXPECT_TRUE(line_of(s, peer).chosen);
        EXPECT_FALSE(line_of(s, world::self()).rank) << "shown, but not counted";
        try {
            co_await w.node().label_node(world::other(9), {{"a", "b"}});
            ADD_FAILURE();
        } catch (const failure& e) {
            EXPECT_EQ(e.code(), dm::agent::errc::unknown_node);
        }
        std::map<std::string, std::optional<std::string>> many;
        for (std::size_t i = 0; i < plan::labels_max; ++i)
            many.emplace("k" + std::to_string(i), "v");
        try {
            co_await w.node().label_node(peer, many);
            ADD_FAILURE();
        } catch (const failure& e) {
            EXPECT_EQ(e.code(), dm::agent::errc::too_many_labels);
        }
    });
}

TEST(agent_fleet, a_node_that_will_not_come_back_is_forgotten) {
    in_world([](world& w) -> awaitable<void> {
        const auto peer = world::other(1);
        co_await w.join(peer);
        co_await w.node().label_node(peer, {{"site", "store"}});
        for (const auto& [who, why] : {std::pair{peer, dm::agent::errc::node_is_online},
                                       std::pair{world::self(), dm::agent::errc::node_is_online},
                                       std::pair{world::other(9), dm::agent::errc::unknown_node}}) {
            try {
                co_await w.node().forget_node(who, false);
                ADD_FAILURE();
            } catch (const failure& e) {
                EXPECT_EQ(e.code(), why);
            }
        }
        w.hear(peer, liveness::offline, {});
        co_await w.node().forget_node(peer, false);
        EXPECT_EQ(w.node().nodes().size(), 1u);
        EXPECT_EQ(w.shunned, std::set{peer});
        co_await w.join(peer, {{"rack", "7"}});
        EXPECT_EQ(w.node().nodes().size(), 1u) << "its own word does not bring it back";
        w.shunned.clear();
        co_await w.restart();
        EXPECT_EQ(w.shunned, std::set{peer}) << "a restart has not forgotten it";
        co_await w.node().admit_node(peer);
        EXPECT_TRUE(w.shunned.empty());
        EXPECT_EQ(w.node().nodes().size(), 2u);
        const auto again = w.node().nodes();
        const auto it = std::ranges::find(again, peer.to_string(), &node_view::peer);
        EXPECT_EQ(it->labels, (plan::labels{{"rack", "7"}, {"site", "store"}}));
        try {
            co_await w.node().admit_node(peer);
            ADD_FAILURE();
        } catch (const failure& e) {
            EXPECT_EQ(e.code(), dm::agent::errc::unknown_node);
        }
    });
}

TEST(agent_fleet, a_node_that_was_taken_for_gone_joins_again) {
    in_world([](world& w) -> awaitable<void> {
        const auto key = plan::to_string({plan::record_kind::node, world::self().to_string()});
        aio::event changed(co_await asio::this_coro::executor);
        const auto watching = w.shared.watch([&](const state::change&) { changed.notify_all(); });
        while (!w.shared.find(key))
            co_await changed.wait();
        co_await w.shared.erase(key);
        while (!w.shared.find(key))
            co_await changed.wait();
    });
}

TEST(agent_fleet, who_has_an_image_is_met_to_fetch_it) {
    in_world([](world& first) -> awaitable<void> {
        first.origin.offer("busybox:1", "layer");
        const auto digest = co_await first.import("busybox:1");
        const auto record = oci::encode(first.node().image("busybox:1").record);
        world w(co_await asio::this_coro::executor);
        w.origin.offer("busybox:1", "layer");
        const auto peer = world::other(1);
        co_await w.join(peer);
        report::node_report has;
        has.held = {report::mark_of(digest)};
        w.hear(peer, liveness::online, has);
        co_await w.shared.set(plan::to_string({plan::record_kind::image, digest.to_string()}),
                              record);
        co_await w.node().apply(world::request("busybox:1"));
        co_await w.until([&] { return w.met.contains(peer); });
        co_await w.stop();
    });
}
