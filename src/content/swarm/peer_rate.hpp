#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.hpp"

namespace dm::swarm {

/// How fast bytes come while they are expected, and how long the first one took.
class peer_rate {
  public:
    using seconds = std::chrono::duration<double>;

    /// Bytes are expected from now on; time before does not count.
    void start(steady_time now) noexcept;
    void add(steady_time now, std::size_t bytes) noexcept;
    /// The time from a question to the first byte of its answer, queues included.
    void answered_after(seconds delay) noexcept;

    /// 0 before the first measurement.
    double bytes_per_second() const noexcept { return rate_; }
    /// The least seen; 0 before the first.
    seconds delay() const noexcept { return delay_; }

  private:
    double rate_ = 0;
    steady_time since_{};
    std::uint64_t bytes_ = 0;
    seconds delay_{0};
};

}  // namespace dm::swarm
