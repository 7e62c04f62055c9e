#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "content/bitswap/driver_joined_blockstore.hpp"
#include "content/bitswap/driver_memory_blockstore.hpp"

using namespace dm;
using namespace dm::bitswap;

TEST(joined_blockstore, has_what_either_has) {
    aio::run_coroutine([](executor) -> awaitable<void> {
        memory_blockstore first;
        memory_blockstore second;
        joined_blockstore both(first, second);
        const auto a = first.add(as_bytes("in the first"));
        const auto b = second.add(as_bytes("second"));
        const auto c = cid::of(multiformats::codec::raw, as_bytes("nowhere"));
        EXPECT_EQ(co_await both.sizes({c, b, a, b}),
                  (std::vector<std::optional<std::size_t>>{std::nullopt, 6, 12, 6}));
        EXPECT_EQ(co_await both.block(a), to_bytes("in the first"));
        EXPECT_EQ(co_await both.block(b), to_bytes("second"));
        EXPECT_FALSE(co_await both.block(c));
    });
}
