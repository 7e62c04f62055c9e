#pragma once

#include <cstdint>
#include <limits>

#include "base/clock.hpp"

namespace dm::yamux {

/// How many bytes may move now so that no more than a rate moves in any second. What moved without
/// asking is a debt that is worked off first.
class rate_bucket {
  public:
    /// What may move at once after a pause, as time at the rate; at least burst_bytes_min. Who
    /// comes late by less loses nothing.
    static constexpr std::chrono::milliseconds burst{50};
    /// What is worth coming back for.
    static constexpr std::chrono::milliseconds turn{5};
    static constexpr std::uint64_t burst_bytes_min = 16 * 1024;

    /// 0: without limit.
    void set_rate(steady_time now, std::uint64_t bytes_per_second) noexcept;
    std::uint64_t rate() const noexcept { return rate_; }

    std::uint64_t allowance(steady_time now) noexcept;
    void spend(std::uint64_t bytes) noexcept {
        if (rate_ > 0)
            balance_ -= static_cast<double>(bytes);
    }
    /// When it is worth coming back: a turn, or half of burst_bytes_min, may move then.
    steady_time ready_at(steady_time now) noexcept;

  private:
    double burst_bytes() const noexcept;
    void refill(steady_time now) noexcept;

    std::uint64_t rate_ = 0;
    double balance_ = 0;
    steady_time refilled_;
};

}  // namespace dm::yamux
