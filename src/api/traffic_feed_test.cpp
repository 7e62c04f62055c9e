#include "api/traffic_feed.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

using namespace dm;
using nlohmann::json;

namespace {

json told(const api::traffic& before, const api::traffic& now, double seconds) {
    return json::parse(
        api::traffic_notice(before, now, std::chrono::duration<double>(seconds)))["peers"];
}

json line(const char* peer, std::uint64_t sent, std::uint64_t received) {
    return {{"peer", peer}, {"sent_per_second", sent}, {"received_per_second", received}};
}

}  // namespace

TEST(api_traffic, is_what_moved_in_a_second) {
    EXPECT_EQ(told({{"a", {1000, 0}}, {"b", {5, 5}}}, {{"a", {3000, 500}}, {"b", {5, 5}}}, 2),
              json::array({line("a", 1000, 250), line("b", 0, 0)}));
}

TEST(api_traffic, begins_with_the_connection) {
    EXPECT_EQ(told({}, {{"a", {100, 200}}}, 1), json::array({line("a", 100, 200)}));
    EXPECT_EQ(told({{"a", {1000, 1000}}}, {{"a", {100, 200}}}, 1),
              json::array({line("a", 100, 200)}));
}

TEST(api_traffic, leaves_out_who_has_left) {
    EXPECT_EQ(told({{"a", {1, 1}}}, {}, 1), json::array());
    EXPECT_EQ(told({}, {{"a", {1, 1}}}, 0), json::array({line("a", 0, 0)}));
}
