#include "content/swarm/holdings.hpp"

#include <gtest/gtest.h>

namespace dm::swarm {
namespace {

leaf_set some(std::uint32_t size, std::initializer_list<std::uint32_t> which) {
    leaf_set s(size);
    for (const auto i : which)
        s.set(i);
    return s;
}

TEST(holdings, count_the_copies_of_partners_only) {
    holdings h;
    const auto blob = h.add_blob(3 * leaf_bytes, leaf_set(3), role::partner);
    const auto a = h.add_peer();
    const auto b = h.add_peer();
    const auto origin = h.add_peer();
    h.peer_has(a, blob, some(3, {0, 1}), role::partner);
    h.peer_has(b, blob, some(3, {}), role::partner);
    h.peer_has(origin, blob, some(3, {0, 1, 2}), role::source);
    EXPECT_EQ(h.copies({blob, 0}), 1u);
    EXPECT_TRUE(h.peer_gained(b, {blob, 0}));
    EXPECT_FALSE(h.peer_gained(b, {blob, 0}));
    EXPECT_EQ(h.copies({blob, 0}), 2u);
    EXPECT_EQ(h.copies({blob, 2}), 0u);
    h.peer_lost(b, {blob, 0});
    h.peer_has(a, blob, some(3, {2}), role::partner);
    EXPECT_EQ(h.copies({blob, 0}), 0u);
    h.remove_peer(a);
    EXPECT_EQ(h.copies({blob, 2}), 0u);
}

TEST(holdings, news_of_leaves_that_do_not_exist_are_none) {
    holdings h;
    const auto blob = h.add_blob(leaf_bytes + 1, leaf_set(2), role::partner);
    const auto p = h.add_peer();
    EXPECT_FALSE(h.peer_gained(p, {blob, 0})) << "takes no part yet";
    h.peer_has(p, blob, leaf_set(2), role::partner);
    EXPECT_FALSE(h.peer_gained(p, {blob, 2}));
    EXPECT_FALSE(h.peer_gained(p, {blob + 1, 0}));
    EXPECT_EQ(h.leaf_size({blob, 0}), leaf_bytes);
    EXPECT_EQ(h.leaf_size({blob, 1}), 1u);
}

TEST(holdings, give_numbers_again) {
    holdings h;
    const auto a = h.add_blob(0, leaf_set(1), role::partner);
    const auto p = h.add_peer();
    h.peer_has(p, a, leaf_set(1), role::partner);
    h.remove_blob(a);
    const auto b = h.add_blob(5, leaf_set(1), role::source);
    EXPECT_EQ(a, b);
    EXPECT_EQ(h.of_peer(p, b), nullptr) << "what was said of the old blob is forgotten";
}

}  // namespace
}  // namespace dm::swarm
