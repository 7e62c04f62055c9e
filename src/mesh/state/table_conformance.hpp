#pragma once

#include <gtest/gtest.h>

#include "mesh/state/table.hpp"

namespace dm::state {

/// What every table does, shown on an empty one.
inline awaitable<void> check_table(table& m) {
    std::vector<std::string> seen;
    {
        const auto watching = m.watch(
            [&](const change& c) { seen.push_back(c.key + "=" + c.value.value_or("(deleted)")); });
        co_await m.set("/k", "v");
        co_await m.set("/k", "v");
        co_await m.set("/k", "w");
        EXPECT_TRUE(co_await m.erase("/k"));
        EXPECT_FALSE(co_await m.erase("/k"));
    }
    co_await m.set("/k", "unseen");
    EXPECT_EQ(seen, (std::vector<std::string>{"/k=v", "/k=w", "/k=(deleted)"}));

    {
        seen.clear();
        const auto watching = m.watch([&](const change& c) {
            seen.push_back(c.key);
            EXPECT_EQ(m.find("/b"), "2") << "changes that belong together are seen together";
            EXPECT_EQ(m.find("/c"), "3");
        });
        co_await m.set_all({{"/k", "unseen"}, {"/b", "2"}, {"/c", "3"}});
        EXPECT_EQ(seen, (std::vector<std::string>{"/b", "/c"}));
    }

    co_await m.set_all({{"/dm1/a", "1"}, {"/dm1/b", "2"}, {"/dm2/a", ""}});
    EXPECT_EQ(m.list("/dm1/").size(), 2u);
    EXPECT_EQ(m.find("/dm2/a"), "");
    EXPECT_EQ(co_await m.erase_if([](std::string_view k) { return k.starts_with("/dm"); }), 3u);
    EXPECT_EQ(m.all().size(), 3u);

    using refused = std::pair<std::string, std::string>;
    for (const auto& [key, value] :
         {refused{"", "v"}, refused{"/" + std::string(key_bytes_max, 'k'), "v"},
          refused{"/k", std::string(value_bytes_max + 1, 'v')}}) {
        bool is_refused = false;
        try {
            co_await m.set(key, value);
        } catch (const failure&) {
            is_refused = true;
        }
        EXPECT_TRUE(is_refused) << key.size();
    }
    const auto longest = "/" + std::string(key_bytes_max - 1, 'k');
    co_await m.set(longest, std::string(value_bytes_max, 'v'));
    EXPECT_EQ(m.find(longest)->size(), value_bytes_max);
    EXPECT_TRUE(co_await m.erase(longest));
}

}  // namespace dm::state
