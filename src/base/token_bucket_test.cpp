#include "base/token_bucket.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace dm {
namespace {

using namespace std::chrono_literals;

TEST(token_bucket, keeps_to_the_rate_over_every_second) {
    rng random(1);
    token_bucket bucket(1'000'000);
    steady_time now{1h};
    std::vector<std::pair<steady_time, std::size_t>> moved;
    while (now < steady_time{1h + 10s}) {
        const auto n = 1 + random() % 65536;
        now = bucket.take(now, n);
        moved.emplace_back(now, n);
    }
    for (auto from = steady_time{1h}; from < steady_time{1h + 9s}; from += 100ms) {
        std::size_t sum = 0;
        for (const auto& [when, n] : moved)
            if (when >= from && when < from + 1s)
                sum += n;
        EXPECT_NEAR(static_cast<double>(sum), 1e6, 1e6 * 0.1);  // a piece is 6.5 %
    }
}

TEST(token_bucket, does_not_save_up_idle_time) {
    token_bucket bucket(1000, 100ms);
    const steady_time start{1h};
    EXPECT_EQ(bucket.take(start, 1000), start);
    EXPECT_EQ(bucket.take(start, 1), start + 900ms);
    EXPECT_EQ(bucket.take(start + 1h, 1000), start + 1h);
    EXPECT_EQ(bucket.take(start + 1h, 1), start + 1h + 900ms);
}

TEST(token_bucket, without_a_rate_there_is_no_limit) {
    token_bucket bucket;
    const steady_time start{1h};
    EXPECT_EQ(bucket.take(start, 1u << 30), start);
    EXPECT_EQ(bucket.take(start, 1u << 30), start);
    bucket.set(1);
    bucket.take(start, 100);
    EXPECT_GT(bucket.take(start, 1), start + 90s);
    bucket.set(0);
    EXPECT_EQ(bucket.take(start, 1), start);
}

}  // namespace
}  // namespace dm
