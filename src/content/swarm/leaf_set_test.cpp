#include "content/swarm/leaf_set.hpp"

#include <gtest/gtest.h>

namespace dm::swarm {
namespace {

TEST(leaf_set, counts_what_is_set) {
    leaf_set s(130);
    EXPECT_TRUE(s.set(129));
    EXPECT_FALSE(s.set(129));
    EXPECT_TRUE(s.test(129));
    EXPECT_FALSE(s.test(5000));
    EXPECT_EQ(s.count(), 1u);
    EXPECT_TRUE(s.clear(129));
    EXPECT_FALSE(s.clear(129));
    EXPECT_EQ(s.count(), 0u);
    s.set_all();
    EXPECT_TRUE(s.full());
}

TEST(leaf_set, sets_ranges_as_far_as_there_are_leaves) {
    for (std::uint32_t first = 0; first < 140; first += 7)
        for (const std::uint32_t length : {0u, 1u, 63u, 64u, 65u, 128u, UINT32_MAX}) {
            leaf_set s(131);
            s.set_range(first, length);
            std::uint32_t count = 0;
            for (std::uint32_t i = 0; i < 131; ++i) {
                EXPECT_EQ(s.test(i), i >= first && i - first < length) << i;
                count += s.test(i);
            }
            EXPECT_EQ(s.count(), count);
        }
}

TEST(leaf_set, lists_the_leaves_of_a_word) {
    leaf_set s(130);
    s.set(64);
    s.set(127);
    std::vector<std::uint32_t> seen;
    for_each_leaf(s.word(1), 1, [&](std::uint32_t i) { seen.push_back(i); });
    EXPECT_EQ(seen, (std::vector<std::uint32_t>{64, 127}));
}

}  // namespace
}  // namespace dm::swarm
