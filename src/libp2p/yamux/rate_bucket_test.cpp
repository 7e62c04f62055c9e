#include "libp2p/yamux/rate_bucket.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.hpp"

using namespace dm;
using namespace std::chrono_literals;
using yamux::rate_bucket;

namespace {

const steady_time start{1000s};

}  // namespace

TEST(rate_bucket, is_without_limit_at_first) {
    rate_bucket b;
    b.spend(1'000'000'000);
    EXPECT_GT(b.allowance(start), 1'000'000'000'000u);
    EXPECT_EQ(b.ready_at(start), start);
}

TEST(rate_bucket, lets_the_rate_through_within_five_percent_of_any_second) {
    const auto seed = random_seed();
    SCOPED_TRACE(seed);
    rng random(seed);
    for (const std::uint64_t rate : {50'000u, 2'000'000u, 100'000'000u}) {
        rate_bucket b;
        b.set_rate(start, rate);
        auto now = start;
        std::uint64_t moved = 0;
        while (now < start + 10s) {
            const auto n = std::min<std::uint64_t>(b.allowance(now), 64 * 1024);
            b.spend(n);
            moved += n;
            if (n == 0) {
                EXPECT_GT(b.ready_at(now), now);
                // Woken late, as on a busy machine.
                now = b.ready_at(now) +
                      std::chrono::microseconds(std::uniform_int_distribution(0, 20'000)(random));
            }
        }
        EXPECT_NEAR(static_cast<double>(moved), 10.0 * static_cast<double>(rate),
                    0.5 * static_cast<double>(rate));
    }
}

TEST(rate_bucket, saves_up_little_and_works_off_debts) {
    rate_bucket b;
    b.set_rate(start, 1'000'000);
    EXPECT_EQ(b.allowance(start + 1h), 50'000u);
    b.spend(250'000);
    EXPECT_EQ(b.allowance(start + 1h), 0u);
    EXPECT_EQ(b.allowance(start + 1h + 200ms), 0u);
    EXPECT_EQ(b.allowance(start + 1h + 210ms), 10'000u);
    b.set_rate(start + 2h, 0);
    EXPECT_GT(b.allowance(start + 2h), 1'000'000'000u);
}
