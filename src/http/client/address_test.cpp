#include "http/client/address.hpp"

#include <gtest/gtest.h>

using namespace dm::http;

TEST(address, is_private_where_the_internet_does_not_reach) {
    for (const char* text : {"127.0.0.1",
                             "127.9.9.9",
                             "10.0.0.1",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.168.1.1",
                             "169.254.169.254",
                             "100.64.0.1",
                             "100.127.255.255",
                             "0.0.0.0",
                             "224.0.0.1",
                             "255.255.255.255",
                             "::1",
                             "::",
                             "fe80::1",
                             "fc00::1",
                             "fdff::1",
                             "ff02::1",
                             "::ffff:10.0.0.1",
                             "::ffff:127.0.0.1",
                             "",
                             "name",
                             "/run/docker.sock"})
        EXPECT_TRUE(is_private_address(text)) << text;
}

TEST(address, is_public_elsewhere) {
    for (const char* text : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.0.1", "100.128.0.1",
                             "172.15.0.1", "172.32.0.1", "192.167.0.1", "169.253.0.1",
                             "223.255.255.255", "2606:4700::1", "::ffff:1.1.1.1"})
        EXPECT_FALSE(is_private_address(text)) << text;
}
