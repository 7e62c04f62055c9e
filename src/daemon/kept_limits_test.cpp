#include "daemon/kept_limits.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "mesh/state/durable_map.hpp"

using namespace dm;
using namespace dm::daemon;

namespace {

/// What holds at a start with `options` after the node was told `told` while it ran with `before`.
api::rate_limits after(api::rate_limits before, api::rate_limits told, api::rate_limits options) {
    const temp_dir folder;
    aio::pool workers(1);
    api::rate_limits out;
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        {
            state::durable_map kept(ex, workers, folder / "state.db", "local");
            co_await keep_limits(kept, before, told);
        }
        const state::durable_map again(ex, workers, folder / "state.db", "local");
        out = limits_at_start(again, options);
    });
    return out;
}

}  // namespace

TEST(kept_limits, hold_over_a_restart) {
    const auto now = after({100, 0}, {0, 50}, {100, 0});
    EXPECT_EQ(now.upload, 0u);
    EXPECT_EQ(now.download, 50u);
}

TEST(kept_limits, give_way_to_an_option_that_is_changed_later) {
    const auto now = after({100, 0}, {70, 50}, {200, 0});
    EXPECT_EQ(now.upload, 200u);
    EXPECT_EQ(now.download, 50u);
}

TEST(kept_limits, are_the_options_where_nothing_readable_is_kept) {
    const temp_dir folder;
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        state::durable_map kept(ex, workers, folder / "state.db", "local");
        EXPECT_EQ(limits_at_start(kept, {1, 2}).upload, 1u);
        for (const auto* broken :
             {"", "{", "[]", R"({"upload":7})", R"({"upload":{"option":1}})"}) {
            co_await kept.set("limits", broken);
            EXPECT_EQ(limits_at_start(kept, {1, 2}).upload, 1u) << broken;
            EXPECT_EQ(limits_at_start(kept, {1, 2}).download, 2u) << broken;
        }
    });
}
