#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/rng.hpp"

namespace dm::upstream {

using std::chrono::milliseconds;

struct retry_options {
    int attempts_max = 4;  ///< of one operation without progress in between
    milliseconds base_delay{500};
    milliseconds delay_max{30'000};
    milliseconds wait_max{60'000};  ///< a registry that asks for a longer wait is given up for now
    /// Second and later retries a registry within a minute, over all operations.
    int budget_max = 40;
    int circuit_failures = 8;  ///< in a row, until the registry is left alone for a while
    milliseconds circuit_min{5'000};
    milliseconds circuit_max{300'000};
};

/// What is known about one registry's health; shared by all operations on it. Pure.
class host_health {
  public:
    explicit host_health(const retry_options& options)
        : options_(options), budget_(options.budget_max) {}

    void succeeded() noexcept { failures_ = 0; }
    /// `retry_after`: how long the registry asked to be left alone.
    void failed(steady_time now, error reason, std::optional<milliseconds> retry_after);

    /// How long it is to be left alone from now on; zero: may be asked.
    milliseconds blocked_for(steady_time now) const;
    const error& last_reason() const noexcept { return reason_; }

    /// False when too many retries were made lately.
    bool take_retry(steady_time now);

  private:
    const retry_options& options_;
    int failures_ = 0;
    error reason_;
    steady_time blocked_until_{};
    double budget_;
    std::optional<steady_time> budget_at_;
};

/// Decides whether and when one operation tries again. Pure.
class retry_state {
  public:
    retry_state(const retry_options& options, host_health& health, rng& random)
        : options_(options), health_(health), random_(random) {}

    /// After a failure that `health` knows of already: how long to wait; nullopt: give up.
    std::optional<milliseconds> next_delay(steady_time now);
    /// Something was achieved: starts counting anew.
    void progressed() noexcept { failures_ = 0; }
    int failures() const noexcept { return failures_; }

  private:
    const retry_options& options_;
    host_health& health_;
    rng& random_;
    int failures_ = 0;
};

/// "1.5 s", "42 s", "3 min": for sentences.
std::string wait_text(milliseconds time);

}  // namespace dm::upstream
