#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "aio/timeout.hpp"
#include "runtime/engine/image_engine.hpp"

namespace dm::engine {

/// An engine to be tried, without any image, and hands to move the world around it.
class engine_world {
  public:
    virtual ~engine_world() = default;

    virtual image_engine& engine() = 0;
    /// Two different images that can be pulled, by digest: 0 and 1.
    virtual std::string source(std::size_t which) const = 0;
    /// An image index, by digest, with an image for `info().runs_on` and none for linux/s390x.
    virtual std::string index_source() const = 0;
    virtual awaitable<void> create_container(std::string image_id, std::string name) = 0;
    virtual awaitable<void> remove_container(std::string name) = 0;
    /// `docker rmi` by hand.
    virtual awaitable<void> remove_by_hand(std::string name) = 0;
};

/// What every image_engine does. Each check leaves the engine without images.
class conformance {
  public:
    using outcome = removal::outcome;

    explicit conformance(engine_world& world) : world_(world), engine_(world.engine()) {}

    awaitable<void> all() {
        co_await says_what_it_is();
        co_await pulls_tags_and_removes();
        co_await pulls_again();
        co_await tells_progress();
        co_await refuses_unknown_images_and_bad_names();
        co_await pulls_the_platform_asked_for();
        co_await lists_what_is_there_of_many_names();
        co_await moves_a_tag_and_keeps_other_images();
        co_await keeps_what_a_container_uses();
        co_await keeps_an_image_with_another_name();
        co_await drops_the_alias_even_under_a_container();
        co_await tells_changes();
    }

    awaitable<void> says_what_it_is() {
        const auto info = co_await engine_.info();
        EXPECT_FALSE(info.name.empty());
        EXPECT_FALSE(info.version.empty());
        EXPECT_FALSE(info.api_version.empty());
        EXPECT_EQ(info.runs_on.os, "linux");
        EXPECT_FALSE(info.runs_on.architecture.empty());
        EXPECT_NE(info.store, image_store::none);
        EXPECT_TRUE(info.root_dir.starts_with('/')) << info.root_dir;
    }

    awaitable<void> pulls_tags_and_removes() {
        EXPECT_FALSE(co_await engine_.inspect(name_));
        EXPECT_FALSE(co_await engine_.inspect(world_.source(0)));
        const auto info = co_await engine_.info();
        const auto id = co_await engine_.pull(world_.source(0), info.runs_on, {});
        EXPECT_TRUE(id.starts_with("sha256:")) << id;

        auto seen = co_await engine_.inspect(id);
        EXPECT_TRUE(seen && seen->id == id && seen->repo_tags.empty());
        EXPECT_TRUE(seen && seen->repo_digests == std::vector{world_.source(0)});
        EXPECT_TRUE(seen && seen->runs_on == info.runs_on);
        EXPECT_TRUE(seen && seen->size_bytes > 0);

        co_await engine_.tag(id, "docker.io/library/" + std::string(name_));
        co_await engine_.tag(id, "docker.io/library/" + std::string(name_));
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::untagged);
        EXPECT_FALSE(co_await engine_.inspect(world_.source(0)));
        seen = co_await engine_.inspect(name_);
        EXPECT_TRUE(seen && seen->id == id && seen->repo_tags == std::vector<std::string>{name_});

        EXPECT_EQ(co_await remove(name_, id), outcome::removed);
        EXPECT_FALSE(co_await engine_.inspect(id));
        EXPECT_EQ(co_await remove(name_, id), outcome::absent);
    }

    awaitable<void> pulls_again() {
        const auto id = co_await engine_.pull(world_.source(0), std::nullopt, {});
        EXPECT_EQ(co_await engine_.pull(world_.source(0), std::nullopt, {}), id);
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::removed);
    }

    awaitable<void> tells_progress() {
        pull_progress last;
        std::uint64_t most = 0;
        const auto id = co_await engine_.pull(world_.source(0), std::nullopt,
                                              [&last, &most](const pull_progress& p) {
                                                  EXPECT_LE(p.downloaded_bytes, p.total_bytes);
                                                  EXPECT_LE(p.extracted_bytes, p.total_bytes);
                                                  EXPECT_GE(p.downloaded_bytes, most);
                                                  most = p.downloaded_bytes;
                                                  last = p;
                                              });
        EXPECT_FALSE(last.layers.empty());
        for (const auto& layer : last.layers) {
            EXPECT_EQ(layer.phase, layer_phase::complete) << layer.id;
            EXPECT_EQ(layer.downloaded_bytes, layer.total_bytes);
            EXPECT_EQ(layer.extracted_bytes, layer.total_bytes);
        }
        EXPECT_EQ(last.downloaded_bytes, last.total_bytes);
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::removed);
    }

    awaitable<void> refuses_unknown_images_and_bad_names() {
        const auto source = world_.source(0);
        const auto unknown = source.substr(0, source.find('@')) + "@sha256:" + std::string(64, '0');
        EXPECT_EQ(co_await failure_of(pull(unknown)), errc::no_such_image);
        for (const char* bad : {"", "busybox", "../../etc:1", "a b:1"})
            EXPECT_EQ(co_await failure_of(pull(bad)), errc::invalid_request) << bad;
        const auto absent = "sha256:" + std::string(64, '0');
        EXPECT_FALSE(co_await engine_.inspect(absent));
        EXPECT_EQ(co_await failure_of(engine_.tag(absent, name_)), errc::no_such_image);

        const auto id = co_await engine_.pull(source, std::nullopt, {});
        for (const char* bad : {"", "busybox", "busybox@sha256:00", "a b:1"})
            EXPECT_EQ(co_await failure_of(engine_.tag(id, bad)), errc::invalid_request) << bad;
        EXPECT_EQ(co_await remove(source, id), outcome::removed);
    }

    awaitable<void> pulls_the_platform_asked_for() {
        const auto source = world_.index_source();
        EXPECT_EQ(co_await failure_of(pull(source, platform{"linux", "s390x"})),
                  errc::no_such_platform);
        EXPECT_FALSE(co_await engine_.inspect(source));
        const auto info = co_await engine_.info();
        const auto id = co_await engine_.pull(source, info.runs_on, {});
        const auto seen = co_await engine_.inspect(source);
        EXPECT_TRUE(seen && seen->id == id && seen->runs_on == info.runs_on);
        EXPECT_EQ(co_await remove(source, id), outcome::removed);
    }

    awaitable<void> lists_what_is_there_of_many_names() {
        const auto first = co_await engine_.pull(world_.source(0), std::nullopt, {});
        const auto second = co_await engine_.pull(world_.source(1), std::nullopt, {});
        co_await engine_.tag(first, name_);
        std::vector<std::string> names{name_, first, "nobody:1", "sha256:" + std::string(64, '0')};
        auto seen = co_await engine_.list(names);
        EXPECT_TRUE(seen.size() == 1 && seen[0].id == first && seen[0].size_bytes > 0 &&
                    seen[0].repo_tags == std::vector<std::string>{name_} &&
                    seen[0].repo_digests == std::vector{world_.source(0)});
        names.push_back(world_.source(1));
        seen = co_await engine_.list(names);
        EXPECT_EQ(seen.size(), 2u);
        EXPECT_EQ(std::ranges::count(seen, second, &image::id), 1);
        names = {"nobody:1", "nobody:2"};
        EXPECT_TRUE((co_await engine_.list(names)).empty());
        names.clear();
        EXPECT_TRUE((co_await engine_.list(names)).empty());
        EXPECT_EQ(co_await remove(world_.source(0), first), outcome::untagged);
        EXPECT_EQ(co_await remove(name_, first), outcome::removed);
        EXPECT_EQ(co_await remove(world_.source(1), second), outcome::removed);
    }

    awaitable<void> moves_a_tag_and_keeps_other_images() {
        const auto first = co_await engine_.pull(world_.source(0), std::nullopt, {});
        const auto second = co_await engine_.pull(world_.source(1), std::nullopt, {});
        EXPECT_NE(first, second);
        co_await engine_.tag(first, name_);
        co_await engine_.tag(second, name_);
        EXPECT_EQ(co_await remove(name_, first), outcome::other_image);
        const auto seen = co_await engine_.inspect(name_);
        EXPECT_TRUE(seen && seen->id == second);
        EXPECT_EQ(co_await remove(world_.source(0), first), outcome::removed);
        EXPECT_EQ(co_await remove(world_.source(1), second), outcome::untagged);
        EXPECT_EQ(co_await remove(name_, second), outcome::removed);
    }

    awaitable<void> keeps_what_a_container_uses() {
        const auto id = co_await engine_.pull(world_.source(0), std::nullopt, {});
        co_await engine_.tag(id, name_);
        co_await engine_.tag(id, "other:1");
        co_await world_.create_container(id, "user");
        for (const char* name : {"other:1", name_}) {
            const auto kept = co_await engine_.remove(name, id);
            EXPECT_EQ(kept.what, outcome::in_use) << name;
            EXPECT_TRUE(kept.users.size() == 1 && kept.users[0].name == "user" &&
                        !kept.users[0].id.empty() && !kept.users[0].running);
            EXPECT_FALSE(kept.reason.empty());
            EXPECT_TRUE(co_await engine_.inspect(name)) << name;
        }
        co_await world_.remove_container("user");
        EXPECT_EQ(co_await remove("other:1", id), outcome::untagged);
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::untagged);
        EXPECT_EQ(co_await remove(name_, id), outcome::removed);
    }

    awaitable<void> keeps_an_image_with_another_name() {
        const auto id = co_await engine_.pull(world_.source(0), std::nullopt, {});
        co_await engine_.tag(id, name_);
        EXPECT_EQ(co_await remove(name_, id), outcome::untagged);
        EXPECT_TRUE(co_await engine_.inspect(id));
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::removed);
    }

    awaitable<void> drops_the_alias_even_under_a_container() {
        const auto id = co_await engine_.pull(world_.source(0), std::nullopt, {});
        co_await world_.create_container(id, "user");
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::in_use);
        co_await engine_.tag(id, name_);
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::untagged);
        EXPECT_EQ(co_await remove(name_, id), outcome::in_use);
        co_await world_.remove_container("user");
        EXPECT_EQ(co_await remove(name_, id), outcome::removed);
    }

    awaitable<void> tells_changes() {
        const auto ex = co_await asio::this_coro::executor;
        std::vector<event> seen;
        aio::event more(ex);
        co_await aio::beside(make_changes(&seen, &more),
                             engine_.changes([&seen, &more](const event& e) {
                                 seen.push_back(e);
                                 more.notify_all();
                             }));
        EXPECT_EQ(seen.front().what, event::kind::connected);
    }

  private:
    static constexpr const char* name_ = "dm-test:1.35.0";

    awaitable<void> make_changes(std::vector<event>* seen, aio::event* more) {
        co_await await_event(seen, more, event::kind::connected, "");
        const auto id = co_await engine_.pull(world_.source(0), std::nullopt, {});
        co_await engine_.tag(id, name_);
        co_await world_.create_container(id, "user");
        co_await world_.remove_container("user");
        co_await await_event(seen, more, event::kind::container, "user");
        const auto before = seen->size();
        co_await world_.remove_by_hand(name_);
        co_await await_event(seen, more, event::kind::image, id, before);
        EXPECT_EQ(co_await remove(world_.source(0), id), outcome::removed);
    }

    awaitable<outcome> remove(std::string name, std::string id) {
        const auto done = co_await engine_.remove(std::move(name), std::move(id));
        co_return done.what;
    }

    awaitable<void> pull(std::string source, std::optional<platform> wanted = std::nullopt) {
        co_await engine_.pull(std::move(source), std::move(wanted), {});
    }

    static awaitable<std::error_code> failure_of(awaitable<void> op) {
        try {
            co_await std::move(op);
        } catch (const failure& e) {
            co_return e.code();
        }
        co_return std::error_code{};
    }

    /// Waits for an event of that kind and subject among those from `first` on.
    static awaitable<void> await_event(const std::vector<event>* seen, aio::event* more,
                                       event::kind kind, std::string subject,
                                       std::size_t first = 0) {
        const auto arrived = [=] {
            return std::any_of(seen->begin() + static_cast<std::ptrdiff_t>(first), seen->end(),
                               [&](const event& e) {
                                   return e.what == kind &&
                                          (subject.empty() || e.subject == subject);
                               });
        };
        while (!arrived())
            co_await aio::with_timeout(more->wait(), std::chrono::seconds(20));
    }

    engine_world& world_;
    image_engine& engine_;
};

}  // namespace dm::engine
