#include "mesh/state/durable_map.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "mesh/state/table_conformance.hpp"

using namespace dm;

TEST(durable_map, keeps_what_it_acknowledged) {
    temp_dir dir;
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        state::durable_map m(ex, workers, dir / "state.db");
        co_await m.set("/dm1/a", "1");
        co_await m.set("/dm1/b", "2");
        co_await m.set("/dm1/a", "3");
        co_await m.set("other", "4");
        EXPECT_TRUE(co_await m.erase("/dm1/b"));
        EXPECT_FALSE(co_await m.erase("/dm1/b"));
    });
    asio::io_context loop;
    const state::durable_map again(loop.get_executor(), workers, dir / "state.db");
    EXPECT_EQ(again.find("/dm1/a"), "3");
    EXPECT_FALSE(again.find("/dm1/b"));
    EXPECT_EQ(again.list("/dm1/").size(), 1u);
    EXPECT_EQ(again.all().size(), 2u);
}

TEST(durable_map, is_a_table) {
    temp_dir dir;
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        state::durable_map m(ex, workers, dir / "state.db");
        co_await state::check_table(m);
    });
}
