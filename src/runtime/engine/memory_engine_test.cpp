#include "runtime/engine/memory_engine.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "runtime/engine/engine_conformance.hpp"

using namespace dm;
using namespace dm::engine;

namespace {

class memory_world final : public engine_world {
  public:
    explicit memory_world(executor ex) : engine_(std::move(ex)) {
        for (const auto& [which, digit] : {std::pair{0uz, 'a'}, std::pair{1uz, 'b'}}) {
            image offered;
            offered.id = "sha256:" + std::string(64, digit);
            offered.runs_on = {"linux", "amd64"};
            offered.size_bytes = 1000;
            engine_.offer(memory_world::source(which), offered);
        }
    }

    memory_engine& engine() override { return engine_; }
    std::string source(std::size_t which) const override {
        return "127.0.0.1:5005/ciq@sha256:" + std::string(64, which == 0 ? '1' : '2');
    }
    std::string index_source() const override { return source(1); }
    awaitable<void> create_container(std::string image_id, std::string name) override {
        engine_.add_container(image_id, name);
        co_return;
    }
    awaitable<void> remove_container(std::string name) override {
        engine_.remove_container(name);
        co_return;
    }
    awaitable<void> remove_by_hand(std::string name) override {
        engine_.remove_by_hand(name);
        co_return;
    }

  private:
    memory_engine engine_;
};

}  // namespace

TEST(memory_engine, is_an_image_engine) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        memory_world world(ex);
        conformance checks(world);
        co_await checks.all();
    });
}

TEST(memory_engine, is_unavailable_while_down_and_ends_the_stream_of_changes) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        memory_world world(ex);
        auto& engine = world.engine();
        aio::task_group group(ex);
        bool ended = false;
        group.spawn("changes", [](memory_engine* of, bool* done) -> awaitable<void> {
            co_await of->changes([of](const event& e) {
                EXPECT_EQ(e.what, event::kind::connected);
                of->set_down(true);
            });
            *done = true;
        }(&engine, &ended));
        co_await group.join();
        EXPECT_TRUE(ended);
        std::error_code seen;
        try {
            co_await engine.info();
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, errc::unavailable);
        EXPECT_EQ(seen, condition::unavailable);
        engine.set_down(false);
        co_await engine.info();
    });
}

TEST(memory_engine, fails_a_pull_as_told) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        memory_world world(ex);
        auto& engine = world.engine();
        engine.during_pull = [](std::string) -> awaitable<void> {
            raise(errc::no_space, "no space left on device");
            co_return;
        };
        std::error_code seen;
        try {
            co_await engine.pull(world.source(0), std::nullopt, {});
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, errc::no_space);
        EXPECT_FALSE(co_await engine.inspect(world.source(0)));
        EXPECT_EQ(engine.pulled, std::vector{world.source(0)});
    });
}
