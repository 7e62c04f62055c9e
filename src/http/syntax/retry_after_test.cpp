#include "http/syntax/retry_after.hpp"

#include <gtest/gtest.h>

using namespace dm;
using namespace dm::syntax;
using namespace std::chrono;

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT
constexpr wall_time then{seconds{784111777}};

}  // namespace

TEST(http_date, reads_the_three_forms) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", then), then);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", then), then);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", then), then);
    EXPECT_EQ(parse_http_date("Sun Nov 16 08:49:37 1994", then), then + days{10});
}

TEST(http_date, puts_two_digit_years_near_now) {
    const wall_time in_2026{seconds{1770000000}};
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", in_2026), then);
    const auto later = parse_http_date("Friday, 06-Nov-26 08:49:37 GMT", in_2026);
    ASSERT_TRUE(later);
    EXPECT_EQ(year_month_day{floor<days>(*later)}.year(), year{2026});
}

TEST(http_date, refuses_what_is_no_date) {
    for (const char* text :
         {"", "Sun", "Sun, ", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
          "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
          "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 9999 08:49:37 GMT",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 1994x",
          "Sun, 06-Nov-1994 08:49:37 GMT"})
        EXPECT_FALSE(parse_http_date(text, then)) << text;
}

TEST(retry_after, reads_seconds_and_dates) {
    EXPECT_EQ(parse_retry_after("0", then), seconds{0});
    EXPECT_EQ(parse_retry_after(" 17 ", then), seconds{17});
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", then), seconds{60});
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", then - milliseconds{1}),
              seconds{61});
}

TEST(retry_after, ignores_the_past_and_nonsense) {
    EXPECT_FALSE(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", then));
    EXPECT_FALSE(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", then + days{1}));
    for (const char* text : {"", "soon", "-1", "1.5", "1 2"})
        EXPECT_FALSE(parse_retry_after(text, then)) << text;
}

TEST(retry_after, is_capped) {
    EXPECT_EQ(parse_retry_after("601", then), retry_after_max);
    EXPECT_EQ(parse_retry_after("99999999999999999999999999", then), retry_after_max);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2261 08:49:37 GMT", then), retry_after_max);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2261 08:49:37 GMT", wall_time::min()),
              retry_after_max);
}
