#include "control/report/node_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.hpp"
#include "crypto/hash.hpp"

using namespace dm;
using namespace dm::report;

namespace {

constexpr std::size_t enough = 64 * 1024;

crypto::digest digest(std::string_view text) {
    return crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(text));
}

node_report busy() {
    node_report r;
    r.started = wall_time{std::chrono::milliseconds(1'700'000'000'123)};
    r.engine = "docker 20.10.24";
    r.engine_state = "ready";
    r.disk_free_bytes = 5'000'000'000;
    r.lines = {{1,
                {.state = image_state::importing,
                 .reason = {},
                 .bytes_done = 10,
                 .bytes_total = 100,
                 .bytes_per_second = 7,
                 .from = "3 peers",
                 .next_try = {}}},
               {0xfedcba9876543210,
                {.state = image_state::failed,
                 .reason = "upstream does not answer",
                 .bytes_done = 0,
                 .bytes_total = 0,
                 .bytes_per_second = 0,
                 .from = {},
                 .next_try = wall_time{std::chrono::milliseconds(1'700'000'060'000)}}}};
    r.held = {mark_of(digest("a")), mark_of(digest("b"))};
    std::ranges::sort(r.held);
    return r;
}

std::string from(std::string_view hex) {
    return std::string{as_chars(*from_hex(hex))};
}

}  // namespace

TEST(node_report, says_the_same_after_a_journey) {
    const auto r = busy();
    EXPECT_EQ(decode(encode(r, enough)), r);
    EXPECT_EQ(decode(""), node_report{});
    EXPECT_EQ(r.find(1)->status.bytes_done, 10u);
    EXPECT_EQ(r.find(2), nullptr);
    EXPECT_TRUE(r.holds(digest("a")));
    EXPECT_FALSE(r.holds(digest("c")));
}

TEST(node_report, is_small) {
    node_report r;
    r.engine = r.engine_state = "none";
    r.disk_free_bytes = std::uint64_t{1} << 40;
    for (std::uint64_t i = 0; i < 100; ++i) {
        r.lines.push_back({~std::uint64_t{0} - 100 + i, {.state = image_state::stored}});
        r.held.push_back(mark_of(digest(std::to_string(i))));
    }
    EXPECT_LT(encode(r, enough).size(), 3'400u);
}

TEST(node_report, has_numbers_for_ids_of_strategies) {
    EXPECT_EQ(strategy_number("00000000000000ff"), 255u);
    EXPECT_EQ(strategy_number("ffffffffffffffff"), ~std::uint64_t{0});
    EXPECT_EQ(strategy_id(255), "00000000000000ff");
    for (const auto* wrong : {"", "ff", "00000000000000FF", "000000000000000x", "-0000000000000ff",
                              "00000000000000ff0", "+0000000000000ff"})
        EXPECT_EQ(strategy_number(wrong), std::nullopt) << wrong;
}

TEST(node_report, gives_up_texts_and_then_lines_where_there_is_no_room) {
    auto r = busy();
    r.lines.clear();
    for (std::uint64_t i = 0; i < 300; ++i)
        r.lines.push_back(
            {i + 1, {.state = image_state::blocked, .reason = std::string(text_max, 'x')}});
    const auto without = encode(r, 20'000);
    EXPECT_LE(without.size(), 20'000u);
    EXPECT_EQ(decode(without)->lines.size(), 300u);
    EXPECT_EQ(decode(without)->lines[0].status.reason, "");
    const auto fewer = encode(r, 2'000);
    EXPECT_LE(fewer.size(), 2'000u);
    EXPECT_LT(decode(fewer)->lines.size(), 300u);
    EXPECT_GT(decode(fewer)->lines.size(), 100u);
    EXPECT_EQ(decode(fewer)->held, r.held);
}

TEST(node_report, cuts_texts_between_characters) {
    node_report r;
    r.engine_state = std::string(text_max - 1, 'x') + "ä";
    const auto got = decode(encode(r, enough))->engine_state;
    EXPECT_EQ(got, std::string(text_max - 1, 'x'));
    r.engine_state = std::string(text_max - 2, 'x') + "ä";
    EXPECT_EQ(decode(encode(r, enough)), r);
}

TEST(node_report, writes_no_more_than_others_read) {
    node_report r;
    for (std::uint64_t i = 0; i < lines_max + 5; ++i)
        r.lines.push_back({i + 1, {.state = image_state::loaded}});
    for (std::size_t i = 0; i < held_max + 5; ++i)
        r.held.push_back(mark_of(digest(std::to_string(i))));
    const auto got = decode(encode(r, 1 << 20));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->lines.size(), lines_max);
    EXPECT_EQ(got->held.size(), held_max);
}

TEST(node_report, refuses_what_breaks_a_bound) {
    std::string lines;
    for (std::size_t i = 0; i <= lines_max; ++i)
        lines += from("2a00");
    EXPECT_EQ(decode(lines), std::nullopt);
    const std::string mark(16, 'm');
    std::string marks;
    for (std::size_t i = 0; i <= held_max; ++i)
        marks += from("3210") + mark;
    EXPECT_EQ(decode(marks), std::nullopt);
    EXPECT_EQ(decode(from("320f") + mark.substr(1)), std::nullopt);  // half a mark
    EXPECT_EQ(decode(from("12c901") + std::string(text_max + 1, 'x')), std::nullopt);
    EXPECT_EQ(decode(from("1001")), std::nullopt);                    // a text that is a number
    EXPECT_EQ(decode(from("2200")), std::nullopt);                    // a number that is a text
    EXPECT_EQ(decode(from("2a021a05")), std::nullopt);                // a line that is cut
    EXPECT_EQ(decode(from("08ffffffffffffffffff01")), std::nullopt);  // no such time
    EXPECT_EQ(decode("\x08"), std::nullopt);
}

TEST(node_report, leaves_out_what_a_newer_version_says) {
    // Field 99, and a line of state 77.
    const auto got = decode(from("9a0601782a040801104d2a0408021005"));
    ASSERT_TRUE(got);
    ASSERT_EQ(got->lines.size(), 1u);
    EXPECT_EQ(got->lines[0].strategy, 2u);
    EXPECT_EQ(got->lines[0].status.state, image_state::loaded);
}

TEST(node_report, tells_progress_from_news) {
    const auto before = busy();
    auto after = before;
    after.lines[0].status.bytes_done = 50;
    after.lines[0].status.bytes_per_second = 9;
    after.disk_free_bytes = 1;
    EXPECT_TRUE(only_progress_differs(before, after));
    after.lines[0].status.state = image_state::loading;
    EXPECT_FALSE(only_progress_differs(before, after));
    after = before;
    after.held.pop_back();
    EXPECT_FALSE(only_progress_differs(before, after));
}
