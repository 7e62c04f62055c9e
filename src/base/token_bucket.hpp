#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.hpp"

namespace dm {

/// Says when bytes may move so that they keep to a rate, whatever their pieces are: over any second
/// it is exceeded by what `burst` lets through at most. No clock of its own.
class token_bucket {
  public:
    /// 0: no limit.
    explicit token_bucket(std::uint64_t bytes_per_second = 0,
                          std::chrono::milliseconds burst = std::chrono::milliseconds{20})
        : rate_(bytes_per_second), burst_(burst) {}

    void set(std::uint64_t bytes_per_second) noexcept {
        rate_ = bytes_per_second;
        next_ = {};
    }
    std::uint64_t bytes_per_second() const noexcept { return rate_; }

    /// Books the bytes behind those that were booked before; the time from which they may move.
    steady_time take(steady_time now, std::uint64_t bytes) noexcept {
        if (rate_ == 0)
            return now;
        const auto when = std::max(next_, now - burst_);
        const std::chrono::duration<double> cost{static_cast<double>(bytes) /
                                                 static_cast<double>(rate_)};
        next_ = when + std::chrono::duration_cast<steady_time::duration>(cost);
        return std::max(when, now);
    }

  private:
    std::uint64_t rate_;
    std::chrono::milliseconds burst_;
    steady_time next_{};
};

}  // namespace dm
