#include "control/agent/agent.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "control/agent/agent_world_for_test.hpp"
#include "control/agent/errc.hpp"

using namespace dm;
using namespace dm::agent;
using namespace dm::agent::testing;

namespace {

constexpr const char* name = "busybox:1.35.0";

bool has_name(const std::optional<engine::image>& image, std::string_view wanted) {
    return image && std::ranges::find(image->repo_tags, wanted) != image->repo_tags.end();
}

awaitable<void> apply_and_load(world& w) {
    w.origin.offer(name, "layer");
    co_await w.import(name);
    co_await w.node().apply(world::request(name));
    co_await w.until_state(name, image_state::loaded);
}

template <class Call>
awaitable<error> failure_of(Call call) {
    try {
        co_await call();
    } catch (const failure& e) {
        co_return e.reason();
    }
    co_return error{};
}

}  // namespace

TEST(agent_life, is_a_member_from_its_first_moment) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        EXPECT_EQ(w.node().nodes().at(0).peer, world::self().to_string());
        const auto preview = co_await w.node().dry_run(world::request(name));
        EXPECT_EQ(preview.members, 1u);
        EXPECT_EQ(preview.desired, 1u);
        EXPECT_TRUE(preview.nodes.at(0).gains);
        EXPECT_TRUE(w.node().strategies().empty());
    });
}

TEST(agent_life, brings_an_image_into_the_engine_and_out_again) {
    in_world([](world& w) -> awaitable<void> {
        co_await apply_and_load(w);
        const auto there = co_await w.engine.inspect(name);
        EXPECT_TRUE(has_name(there, name));
        EXPECT_TRUE(there->repo_digests.empty()) << "the name it was pulled by is dropped";
        EXPECT_EQ(w.engine.pulled.size(), 1u);
        co_await w.node().remove_strategy(name);
        co_await w.until_nothing_is_placed();
        EXPECT_FALSE(co_await w.engine.inspect(name));
        EXPECT_EQ(w.node().image(name).status.state, image_state::stored)
            << "imported by hand: it stays in the store";
    });
}

TEST(agent_life, makes_it_true_again_after_a_docker_rmi) {
    in_world([](world& w) -> awaitable<void> {
        co_await apply_and_load(w);
        w.engine.remove_by_hand(name);
        co_await w.until([&] { return w.engine.pulled.size() == 2; });
        co_await w.until_state(name, image_state::loaded);
    });
}

TEST(agent_life, goes_on_where_it_was_after_a_restart) {
    in_world([](world& w) -> awaitable<void> {
        co_await apply_and_load(w);
        co_await w.restart();
        co_await w.until_state(name, image_state::loaded);
        EXPECT_EQ(w.engine.pulled.size(), 1u) << "what is there is not pulled again";
        co_await w.node().remove_strategy(name);
        co_await w.until_nothing_is_placed();
        EXPECT_FALSE(co_await w.engine.inspect(name));
    });
}

TEST(agent_life, leaves_alone_what_it_did_not_place) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        co_await w.import(name);
        engine::image other;
        other.id = "sha256:" + std::string(64, '9');
        w.engine.offer("example.org/other:1", other);
        const auto id = co_await w.engine.pull("example.org/other:1", std::nullopt, {});
        w.engine.tag_by_hand(id, name);
        co_await w.node().apply(world::request(name));
        co_await w.until_state(name, image_state::conflict);
        EXPECT_NE(w.status_of(name).reason, "");
        co_await w.node().remove_strategy(name);
        co_await w.until([&] { return w.node().strategies().empty(); });
        EXPECT_EQ((co_await w.engine.inspect(name))->id, id);
    });
}

TEST(agent_life, keeps_what_a_container_uses_and_says_so) {
    in_world([](world& w) -> awaitable<void> {
        co_await apply_and_load(w);
        w.engine.add_container(name, "web", true);
        co_await w.node().remove_strategy(name);
        co_await w.until([&] { return w.node().image(name).status.reason.contains("web"); });
        EXPECT_EQ(w.node().image(name).status.state, image_state::kept);
        EXPECT_TRUE(has_name(co_await w.engine.inspect(name), name));
        w.engine.remove_container("web");
        co_await w.until_nothing_is_placed();
        EXPECT_FALSE(co_await w.engine.inspect(name));
    });
}

TEST(agent_life, keeps_what_another_strategy_wants) {
    in_world([](world& w) -> awaitable<void> {
        co_await apply_and_load(w);
        auto second = world::request(name);
        second.type = plan::strategy_type::target;
        second.percentage = 0;
        second.targets = {world::self()};
        const auto id = (co_await w.node().apply(second)).id;
        const auto ambiguous = co_await failure_of([&] { return w.node().remove_strategy(name); });
        EXPECT_EQ(ambiguous.code, dm::agent::errc::ambiguous_key);
        const auto first = w.node().strategies().front().id;
        co_await w.node().remove_strategy(first == id ? w.node().strategies().back().id : first);
        co_await w.until_state(name, image_state::loaded);
        EXPECT_TRUE(has_name(co_await w.engine.inspect(name), name));
    });
}

TEST(agent_life, waits_for_an_engine_that_is_down_and_tries_failed_pulls_again) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        co_await w.import(name);
        w.engine.set_down(true);
        co_await w.node().apply(world::request(name));
        co_await w.until_state(name, image_state::engine_unavailable);
        int pulls = 0;
        w.engine.during_pull = [&](std::string) -> awaitable<void> {
            if (++pulls < 3)
                raise(engine::errc::stalled, "no sign of life");
            co_return;
        };
        w.engine.set_down(false);
        co_await w.until_state(name, image_state::failed);
        EXPECT_TRUE(w.status_of(name).reason.contains("no sign of life"));
        co_await w.until_state(name, image_state::loaded);
        EXPECT_EQ(pulls, 3);
    });
}

TEST(agent_life, takes_away_what_a_pull_brings_after_it_was_called_off) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        co_await w.import(name);
        const auto image = world::engine_image(w.node().image(name).record);
        w.engine.during_pull = [&](std::string) -> awaitable<void> {
            co_await w.node().remove_strategy(name);
            aio::event never(co_await asio::this_coro::executor);
            try {
                co_await never.wait();
            } catch (const boost::system::system_error&) {
                w.engine.load_by_hand(image);  // it was too late to stop
                throw;
            }
        };
        aio::event changed(co_await asio::this_coro::executor);
        bool loaded = false;
        bool gone = false;
        const auto note = [&](const engine::event& e) {
            loaded |= e.action == "load";
            gone |= loaded && e.action == "delete";
            changed.notify_all();
        };
        const auto watch = [&]() -> awaitable<void> {
            while (!gone)
                co_await changed.wait();
        };
        co_await w.node().apply(world::request(name));
        co_await aio::beside(watch(), w.engine.changes(note));
        EXPECT_FALSE(co_await w.engine.inspect(image.id));
    });
}

TEST(agent_life, goes_on_after_an_engine_has_hung) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        co_await w.import(name);
        w.engine.set_hanging(true);
        co_await w.node().apply(world::request(name));
        co_await w.until_state(name, image_state::engine_unavailable);
        w.engine.set_hanging(false);  // its events went on all the while
        co_await w.until_state(name, image_state::loaded);
    });
}

TEST(agent_life, a_strategy_that_is_removed_stays_removed_whoever_pauses_it_meanwhile) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        co_await w.node().apply(world::request(name));
        error paused;
        const auto pause = [&]() -> awaitable<void> {
            paused = co_await failure_of(
                [&]() -> awaitable<void> { co_await w.node().set_execute(name, false); });
        };
        std::vector<awaitable<void>> both;
        both.push_back(w.node().remove_strategy(name));
        both.push_back(pause());
        co_await aio::all_of(std::move(both));
        EXPECT_EQ(paused.code, dm::agent::errc::unknown_strategy);
        EXPECT_TRUE(w.node().strategies().empty());
    });
}

TEST(agent_life, images_may_be_removed_all_at_once) {
    in_world([](world& w) -> awaitable<void> {
        std::vector<awaitable<void>> removals;
        for (int i = 0; i < 12; ++i) {
            const auto image = fmt::format("example.org/image{}:1", i);
            w.origin.offer(image, image);
            co_await w.import(image);
            removals.push_back(w.node().remove_image(image));
        }
        co_await aio::all_of(std::move(removals));
        EXPECT_TRUE(w.node().images().empty());
    });
}

TEST(agent_life, does_nothing_for_a_paused_strategy) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        auto paused = world::request(name);
        paused.execute = false;
        co_await w.node().apply(paused);
        co_await w.until_state(name, image_state::paused);
        EXPECT_TRUE(w.node().moving().all().empty());
        co_await w.node().set_execute(name, true);
        co_await w.until([&] { return !w.node().moving().all().empty(); });
    });
}

TEST(agent_life, resolves_a_tag_again_when_it_is_applied_again) {
    in_world([](world& w) -> awaitable<void> {
        const auto before = w.origin.offer(name, "layer");
        co_await w.import(name);
        EXPECT_EQ((co_await w.node().apply(world::request(name))).record.digest, before);
        const auto after = w.origin.offer(name, "another layer");
        EXPECT_EQ((co_await w.node().apply(world::request(name))).record.digest, after);
        w.origin.forget(name);
        EXPECT_EQ((co_await w.node().apply(world::request(name))).record.digest, after)
            << "what it meant before, where upstream does not know";
        const auto unknown =
            co_await failure_of([&] { return w.node().apply(world::request("nothing:1")); });
        EXPECT_EQ(dm::condition_of(unknown.code), condition::not_found);
    });
}

TEST(agent_life, shares_imports_of_the_same_image_and_lets_go_of_images) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer(name, "layer");
        const auto ref = oci::parse_reference(name).value();
        const oci::platform_choice choice{false, {world::platform()}};
        const auto first = co_await w.node().import_image(ref, choice);
        EXPECT_EQ(co_await w.node().import_image(ref, choice), first);
        const auto digest = co_await w.import(name);
        EXPECT_TRUE(w.node().image(name).kept);
        EXPECT_EQ(w.node().images_with(digest), std::vector<std::string>{name});
        co_await w.node().remove_image(name);
        EXPECT_TRUE(w.node().images().empty());
        EXPECT_TRUE((co_await w.content.pins("")).empty());
    });
}

TEST(agent_life, does_not_let_go_of_an_image_that_a_strategy_wants) {
    in_world([](world& w) -> awaitable<void> {
        co_await apply_and_load(w);
        const auto refused = co_await failure_of([&] { return w.node().remove_image(name); });
        EXPECT_EQ(refused.code, dm::agent::errc::image_in_use);
        EXPECT_TRUE(w.node().image(name).complete);
    });
}
