#include "content/swarm/peer_rate.hpp"

#include <algorithm>

namespace dm::swarm {
namespace {

constexpr double sample_seconds_min = 0.2;
constexpr double weight_of_new = 0.4;

}  // namespace

void peer_rate::start(steady_time now) noexcept {
    since_ = now;
    bytes_ = 0;
}

void peer_rate::add(steady_time now, std::size_t bytes) noexcept {
    bytes_ += bytes;
    const seconds took = now - since_;
    if (took.count() < sample_seconds_min && rate_ != 0)
        return;
    const auto sample = static_cast<double>(bytes_) / std::max(took.count(), 1e-6);
    if (took.count() < sample_seconds_min) {
        rate_ = sample;  // better than nothing; the interval goes on
        return;
    }
    rate_ = rate_ == 0 ? sample : rate_ + weight_of_new * (sample - rate_);
    start(now);
}

void peer_rate::answered_after(seconds delay) noexcept {
    if (delay_.count() == 0 || delay < delay_)
        delay_ = delay;
}

}  // namespace dm::swarm
