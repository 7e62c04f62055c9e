#include "libp2p/kad/provider_store.hpp"

#include <gtest/gtest.h>

#include "libp2p/kad/peers_for_test.hpp"

using namespace dm;
using namespace dm::kad;
using namespace std::chrono_literals;

namespace {

constexpr steady_time start{};

}  // namespace

TEST(kad_provider_store, keeps_records_for_48_hours_and_renews_them) {
    provider_store store;
    store.add(start, as_bytes("a"), peer(1));
    store.add(start + 1h, as_bytes("a"), peer(2));
    store.add(start + 22h, as_bytes("a"), peer(1));
    EXPECT_EQ(store.providers(start + 23h, as_bytes("a")), (std::vector{peer(1), peer(2)}));
    EXPECT_EQ(store.providers(start + 49h, as_bytes("a")), std::vector{peer(1)});
    store.expire(start + 49h);
    EXPECT_EQ(store.size(), 1u);
    store.expire(start + 70h);
    EXPECT_EQ(store.size(), 0u);
    EXPECT_TRUE(store.providers(start, as_bytes("b")).empty());
}

TEST(kad_provider_store, the_oldest_record_of_a_key_gives_way) {
    provider_store store({.records_per_key_max = 2});
    for (unsigned p = 1; p <= 3; ++p)
        store.add(start + std::chrono::seconds(p), as_bytes("a"), peer(p));
    EXPECT_EQ(store.providers(start + 5s, as_bytes("a")), (std::vector{peer(3), peer(2)}));
}

TEST(kad_provider_store, one_peer_does_not_crowd_out_the_others) {
    provider_store store({.records_max = 100, .records_per_peer_max = 10});
    store.add(start, as_bytes("mine"), peer(1));
    for (unsigned i = 0; i < 1'000; ++i)
        store.add(start, as_bytes("flood " + std::to_string(i)), peer(2));
    EXPECT_EQ(store.size(), 11u);
    EXPECT_EQ(store.providers(start, as_bytes("mine")), std::vector{peer(1)});
    EXPECT_EQ(store.providers(start, as_bytes("flood 999")), std::vector{peer(2)});
    EXPECT_TRUE(store.providers(start, as_bytes("flood 0")).empty());
}

TEST(kad_provider_store, holds_so_many_records_and_no_more) {
    provider_store store({.records_max = 5});
    for (unsigned i = 0; i < 20; ++i)
        store.add(start, as_bytes("key " + std::to_string(i)), peer(i));
    EXPECT_EQ(store.size(), 5u);
    EXPECT_TRUE(store.providers(start, as_bytes("key 14")).empty());
    EXPECT_EQ(store.providers(start, as_bytes("key 15")).size(), 1u);
}
