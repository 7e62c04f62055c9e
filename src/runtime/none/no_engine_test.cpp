#include "runtime/none/no_engine.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "aio/task_group.hpp"

using namespace dm;

TEST(no_engine, has_no_image_and_takes_none) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        none::no_engine engine(ex, {"linux", "arm", "v7"});
        const auto info = co_await engine.info();
        EXPECT_EQ(info.name, "none");
        EXPECT_EQ(info.store, engine::image_store::none);
        EXPECT_EQ(engine::to_string(info.runs_on), "linux/arm/v7");
        EXPECT_FALSE(co_await engine.inspect("busybox:1"));
        const auto gone = co_await engine.remove("busybox:1", "sha256:00");
        EXPECT_EQ(gone.what, engine::removal::outcome::absent);
        std::error_code seen;
        try {
            co_await engine.pull("127.0.0.1:5005/x:1", std::nullopt, {});
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, engine::errc::no_engine);
    });
}

TEST(no_engine, is_connected_for_good_and_silent) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        none::no_engine engine(ex, {"linux", "amd64"});
        int events = 0;
        aio::task_group group(ex);
        group.spawn("changes", engine.changes([&events](const auto&) { ++events; }));
        co_await asio::post(ex, use_awaitable);
        co_await group.stop();
        EXPECT_EQ(events, 1);
    });
}
