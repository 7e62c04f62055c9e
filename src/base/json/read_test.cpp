#include "base/json/read.hpp"

#include <gtest/gtest.h>

using namespace dm;

namespace {

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

std::string list_of(std::size_t numbers) {
    std::string out = "[0";
    for (std::size_t i = 1; i < numbers; ++i)
        out += ",0";
    return out + "]";
}

}  // namespace

TEST(json_read, refuses_what_is_not_json_alone) {
    for (const char* text : {"", "{", "{} x", "nul", "\"\x80\"", "{\"a\":}", "[1,]"}) {
        const auto value = json::read(text);
        ASSERT_FALSE(value) << text;
        EXPECT_EQ(value.error(), json::read_error::malformed) << text;
    }
    EXPECT_TRUE(json::read(" {\"a\": [1, null]} "));
    EXPECT_TRUE(json::read("null"));
}

TEST(json_read, stops_at_its_limits) {
    const json::read_limits limits{.bytes_max = 4096, .depth_max = 32, .values_max = 101};
    EXPECT_TRUE(json::read(nested(32), limits));
    EXPECT_EQ(json::read(nested(33), limits).error(), json::read_error::too_large);
    EXPECT_TRUE(json::read(list_of(100), limits));
    EXPECT_EQ(json::read(list_of(101), limits).error(), json::read_error::too_large);
    EXPECT_TRUE(json::read("0" + std::string(4095, ' '), limits));
    EXPECT_EQ(json::read("0" + std::string(4096, ' '), limits).error(),
              json::read_error::too_large);
}

TEST(json_read, survives_a_megabyte_of_brackets) {
    EXPECT_EQ(json::read(std::string(1 << 20, '[')).error(), json::read_error::too_large);
    EXPECT_EQ(json::read(nested(1 << 19)).error(), json::read_error::too_large);
}

TEST(json_members, are_typed) {
    const auto value =
        *json::read(R"({"s":"x","n":7,"neg":-1,"f":7.0,"big":9223372036854775808,"b":true})");
    EXPECT_EQ(*json::string_member(value, "s"), "x");
    EXPECT_EQ(json::string_member(value, "n"), nullptr);
    EXPECT_EQ(json::unsigned_member(value, "n"), 7u);
    for (const char* key : {"neg", "f", "big", "s", "absent"})
        EXPECT_FALSE(json::unsigned_member(value, key)) << key;
    EXPECT_EQ(json::bool_member(value, "b"), true);
    EXPECT_FALSE(json::bool_member(value, "n"));
    EXPECT_EQ(json::member(nlohmann::json::array(), "s"), nullptr);
}

TEST(json_write, replaces_what_is_no_utf8) {
    EXPECT_EQ(json::write(nlohmann::json{{"a", "\x80"}}), "{\"a\":\"\xef\xbf\xbd\"}");
}
