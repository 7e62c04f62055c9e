#include "libp2p/kad/address_filter.hpp"

#include <gtest/gtest.h>

#include "libp2p/kad/peers_for_test.hpp"

using namespace dm::kad;

TEST(kad_address_filter, knows_where_addresses_can_be_reached_from) {
    for (const auto* a : {"/ip4/127.0.0.1/tcp/1", "/ip4/127.9.9.9/tcp/1", "/ip6/::1/tcp/1",
                          "/dns4/localhost/tcp/1", "/memory/3", "/ip6/::ffff:127.0.0.1/tcp/1"})
        EXPECT_EQ(reach_of(address(a)), reach::loopback) << a;
    for (const auto* a : {"/ip4/10.0.0.1/tcp/1", "/ip4/172.16.0.1/tcp/1", "/ip4/172.31.255.1/tcp/1",
                          "/ip4/192.168.1.1/tcp/1", "/ip4/169.254.1.1/tcp/1",
                          "/ip4/100.64.0.1/tcp/1", "/ip6/fe80::1/tcp/1", "/ip6/fd00::1/tcp/1",
                          "/dns/box.local/tcp/1", "/ip6zone/eth0/ip6/fe80::1/tcp/1"})
        EXPECT_EQ(reach_of(address(a)), reach::local) << a;
    for (const auto* a : {"/ip4/8.8.8.8/tcp/1", "/ip4/172.32.0.1/tcp/1", "/ip4/100.128.0.1/tcp/1",
                          "/ip6/2001:db8::1/tcp/1", "/dns4/example.com/tcp/1"})
        EXPECT_EQ(reach_of(address(a)), reach::everywhere) << a;
    for (const auto* a :
         {"/ip4/0.0.0.0/tcp/1", "/ip4/224.0.0.1/tcp/1", "/ip6/::/tcp/1", "/ip6/ff02::1/tcp/1",
          "/unix/tmp%2Fx", "/p2p-circuit", "/ip4/8.8.8.8/tcp/1/p2p-circuit"})
        EXPECT_EQ(reach_of(address(a)), reach::nowhere) << a;
    EXPECT_EQ(reach_of({}), reach::nowhere);
}
