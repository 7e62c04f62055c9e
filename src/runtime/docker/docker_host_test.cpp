#include "runtime/docker/docker_host.hpp"

#include <gtest/gtest.h>

#include "runtime/engine/errc.hpp"

using namespace dm;
using namespace dm::docker;

TEST(docker_host, is_a_unix_socket) {
    EXPECT_EQ(socket_path_of("").value(), "/var/run/docker.sock");
    EXPECT_EQ(socket_path_of("unix:///run/user/1000/docker.sock").value(),
              "/run/user/1000/docker.sock");
    EXPECT_EQ(socket_path_of("/tmp/d.sock").value(), "/tmp/d.sock");
}

TEST(docker_host, is_nothing_else) {
    for (const char* bad : {"tcp://10.0.0.1:2376", "ssh://box", "unix://", "unix://d.sock",
                            "d.sock", "npipe:////./pipe/docker_engine"}) {
        const auto got = socket_path_of(bad);
        ASSERT_FALSE(got) << bad;
        EXPECT_EQ(got.error().code, condition::invalid);
    }
}

TEST(docker_host, fits_into_a_socket_address) {
    EXPECT_TRUE(socket_path_of("/" + std::string(socket_path_max - 1, 'x')));
    EXPECT_FALSE(socket_path_of("/" + std::string(socket_path_max, 'x')));
}
