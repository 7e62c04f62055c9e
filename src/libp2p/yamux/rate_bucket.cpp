#include "libp2p/yamux/rate_bucket.hpp"

#include <algorithm>

namespace dm::yamux {
namespace {

using seconds = std::chrono::duration<double>;

}  // namespace

void rate_bucket::set_rate(steady_time now, std::uint64_t bytes_per_second) noexcept {
    rate_ = bytes_per_second;
    balance_ = std::min(balance_, 0.0);
    refilled_ = now;
}

double rate_bucket::burst_bytes() const noexcept {
    return std::max(static_cast<double>(rate_) * seconds(burst).count(),
                    static_cast<double>(burst_bytes_min));
}

void rate_bucket::refill(steady_time now) noexcept {
    balance_ = std::min(burst_bytes(),
                        balance_ + static_cast<double>(rate_) * seconds(now - refilled_).count());
    refilled_ = now;
}

std::uint64_t rate_bucket::allowance(steady_time now) noexcept {
    if (rate_ == 0)
        return std::numeric_limits<std::uint64_t>::max();
    refill(now);
    return balance_ <= 0 ? 0 : static_cast<std::uint64_t>(balance_);
}

steady_time rate_bucket::ready_at(steady_time now) noexcept {
    if (rate_ == 0)
        return now;
    refill(now);
    const auto worth = std::max(static_cast<double>(rate_) * seconds(turn).count(),
                                static_cast<double>(burst_bytes_min) / 2);
    const auto missing = worth - balance_;
    if (missing <= 0)
        return now;
    const seconds wait(missing / static_cast<double>(rate_));
    return now + std::chrono::ceil<std::chrono::milliseconds>(wait);
}

}  // namespace dm::yamux
