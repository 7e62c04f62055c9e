#include "mesh/state/durable_map.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"

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

TEST(durable_map, tells_watchers_of_real_changes_only) {
    temp_dir dir;
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        state::durable_map m(ex, workers, dir / "state.db");
        std::vector<std::string> seen;
        {
            const auto watching = m.watch([&](const state::change& c) {
                seen.push_back(c.key + "=" + c.value.value_or("(deleted)"));
            });
            co_await m.set("k", "v");
            co_await m.set("k", "v");
            co_await m.erase("k");
        }
        co_await m.set("k", "unseen");
        EXPECT_EQ(seen, (std::vector<std::string>{"k=v", "k=(deleted)"}));
    });
}

TEST(durable_map, watchers_see_changes_that_belong_together_together) {
    temp_dir dir;
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        state::durable_map m(ex, workers, dir / "state.db");
        co_await m.set("a", "1");
        std::vector<std::string> seen;
        const auto watching = m.watch([&](const state::change& c) {
            seen.push_back(c.key);
            EXPECT_EQ(m.find("b"), "2");
            EXPECT_EQ(m.find("c"), "3");
        });
        co_await m.set_all({{"a", "1"}, {"b", "2"}, {"c", "3"}});
        EXPECT_EQ(seen, (std::vector<std::string>{"b", "c"}));
    });
}

TEST(durable_map, bounds_keys_and_values) {
    temp_dir dir;
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        state::durable_map m(ex, workers, dir / "state.db");
        for (const auto& [key, value] :
             {std::pair{std::string(), std::string("v")},
              std::pair{std::string(state::key_bytes_max + 1, 'k'), std::string("v")},
              std::pair{std::string("k"), std::string(state::value_bytes_max + 1, 'v')}}) {
            bool refused = false;
            try {
                co_await m.set(key, value);
            } catch (const failure&) {
                refused = true;
            }
            EXPECT_TRUE(refused) << key.size();
        }
        co_await m.set(std::string(state::key_bytes_max, 'k'),
                       std::string(state::value_bytes_max, 'v'));
        EXPECT_EQ(m.all().size(), 1u);
    });
}
