#pragma once

#include <gtest/gtest.h>

#include "content/bitswap/driver_blockstore.hpp"

namespace dm::bitswap {

/// What every blockstore does, shown on one that holds `data` and not much else.
inline awaitable<void> check_blockstore(blockstore& store, bytes data) {
    const auto here = cid::of(multiformats::codec::raw, data);
    const auto absent = cid::of(multiformats::codec::raw, as_bytes("not here"));
    EXPECT_EQ(co_await store.block(here), data);
    EXPECT_EQ(co_await store.block(absent), std::nullopt);
    EXPECT_EQ(co_await store.block(cid(multiformats::codec::dag_pb, here.hash())), data)
        << "a block is known by its multihash";
    const multiformats::multihash other(multiformats::hash_code::sha3_256, here.hash().digest());
    EXPECT_EQ(co_await store.block(cid(multiformats::codec::raw, other)), std::nullopt)
        << "the same digest of another function is another block";
    std::vector<cid> ids{absent, here, absent};
    const auto sizes = co_await store.sizes(ids);
    EXPECT_EQ(sizes,
              (std::vector<std::optional<std::size_t>>{std::nullopt, data.size(), std::nullopt}));
    EXPECT_TRUE((co_await store.sizes({})).empty());
}

}  // namespace dm::bitswap
