#include "oci/upstream/retry.hpp"

#include <gtest/gtest.h>

#include "oci/upstream/errc.hpp"

using namespace dm;
using namespace dm::upstream;
using namespace std::chrono_literals;

namespace {

const steady_time start{1h};
const error down{errc::unavailable, "down"};

}  // namespace

TEST(retry, waits_longer_each_time_with_jitter_and_then_gives_up) {
    const retry_options options{.attempts_max = 4, .base_delay = 100ms};
    host_health health(options);
    rng random(1);
    retry_state retry(options, health, random);
    for (const auto full : {100ms, 200ms, 400ms}) {
        health.failed(start, down, {});
        const auto delay = retry.next_delay(start).value_or(0ms);
        EXPECT_GE(delay, full / 2);
        EXPECT_LE(delay, full);
    }
    EXPECT_FALSE(retry.next_delay(start));
}

TEST(retry, starts_anew_after_progress) {
    const retry_options options{.attempts_max = 2, .base_delay = 1ms};
    host_health health(options);
    rng random(1);
    retry_state retry(options, health, random);
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(retry.next_delay(start));
        retry.progressed();
    }
}

TEST(retry, obeys_a_registry_that_asks_for_time) {
    const retry_options options{.base_delay = 1ms, .wait_max = 10s};
    host_health health(options);
    rng random(1);
    retry_state retry(options, health, random);
    health.failed(start, down, 3s);
    EXPECT_EQ(retry.next_delay(start), 3s);
    EXPECT_EQ(health.blocked_for(start + 1s), 2s);
    EXPECT_EQ(health.blocked_for(start + 3s), 0s);
    health.failed(start + 3s, down, 11s);
    EXPECT_FALSE(retry.next_delay(start + 3s));
}

TEST(retry, leaves_a_failing_registry_alone_for_longer_and_longer) {
    const retry_options options{.circuit_failures = 3, .circuit_min = 1s, .circuit_max = 4s};
    host_health health(options);
    for (const auto expected : {0s, 0s, 1s, 2s, 4s, 4s}) {
        health.failed(start, down, {});
        EXPECT_EQ(health.blocked_for(start), expected);
    }
    EXPECT_EQ(health.last_reason().message(), "down");
    health.succeeded();
    health.failed(start + 5s, down, {});
    EXPECT_EQ(health.blocked_for(start + 5s), 0s);
}

TEST(retry, has_a_budget_over_all_operations) {
    const retry_options options{.budget_max = 6};
    host_health health(options);
    int taken = 0;
    while (health.take_retry(start))
        ++taken;
    EXPECT_EQ(taken, 6);
    EXPECT_FALSE(health.take_retry(start + 9s));
    EXPECT_TRUE(health.take_retry(start + 11s));
    EXPECT_FALSE(health.take_retry(start + 11s));

    rng random(1);
    const retry_options patient{.attempts_max = 100};
    retry_state retry(patient, health, random);
    EXPECT_TRUE(retry.next_delay(start + 11s)) << "the first retry is free";
}

TEST(retry, says_waits_as_people_do) {
    EXPECT_EQ(wait_text(1500ms), "1.5 s");
    EXPECT_EQ(wait_text(42s), "42 s");
    EXPECT_EQ(wait_text(10min), "10 min");
}
