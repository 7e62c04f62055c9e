#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "base/varint.hpp"

using namespace dm;

TEST(varint, encodes_the_vectors_of_the_spec) {
    const std::pair<std::uint64_t, const char*> vectors[] = {
        {1, "01"}, {127, "7f"}, {128, "8001"}, {255, "ff01"}, {300, "ac02"}, {16384, "808001"}};
    for (const auto& [value, hex] : vectors) {
        bytes out;
        append_varint(out, value);
        EXPECT_EQ(to_hex(out), hex);
        const auto back = read_varint(out);
        ASSERT_TRUE(back);
        EXPECT_EQ(back->value, value);
        EXPECT_EQ(back->size, out.size());
    }
}

TEST(varint, refuses_padding_and_overlong_values) {
    for (const char* hex : {"8100", "8000", "ffffffffffffffffff01"})
        EXPECT_EQ(read_varint(*from_hex(hex)).error(), varint_error::malformed) << hex;
    EXPECT_EQ(read_varint(*from_hex("ff")).error(), varint_error::incomplete);
    EXPECT_EQ(read_varint({}).error(), varint_error::incomplete);
}

TEST(hex, refuses_odd_lengths_and_other_letters) {
    EXPECT_FALSE(from_hex("abc"));
    EXPECT_FALSE(from_hex("zz"));
    EXPECT_EQ(to_hex(*from_hex("00fFA5")), "00ffa5");
}

TEST(size_text, reads_what_people_write) {
    EXPECT_EQ(parse_size("500"), 500u);
    EXPECT_EQ(parse_size("64KiB"), 65536u);
    EXPECT_EQ(parse_size("1.5 GiB"), 1610612736u);
    EXPECT_EQ(parse_size("10MB"), 10'000'000u);
    EXPECT_EQ(parse_size("2G"), 2147483648u);
    for (const char* bad : {"", "-1", "10XB", "KiB", "1e9", "99999999TiB", "1 KiBs"})
        EXPECT_FALSE(parse_size(bad)) << bad;
    EXPECT_EQ(to_size_text(1288490189), "1.2 GiB");
    EXPECT_EQ(to_size_text(17), "17 B");
}

TEST(clock, prints_rfc3339_with_milliseconds) {
    EXPECT_EQ(to_rfc3339(wall_time{std::chrono::milliseconds{1769860800042}}),
              "2026-01-31T12:00:00.042Z");
}

TEST(result, maps_errno_to_a_condition) {
    EXPECT_EQ(condition_of(std::make_error_code(std::errc::no_space_on_device)),
              condition::no_space);
    EXPECT_EQ(condition_of(std::make_error_code(std::errc::connection_refused)),
              condition::unavailable);
}

TEST(metrics, are_exposed_as_prometheus_text) {
    metrics::gauge("distromash_base_probe_count", "for this test");
    EXPECT_NE(metrics::exposition().find("# TYPE distromash_base_probe_count gauge"),
              std::string::npos);
}
