#include "oci/upstream/retry.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dm::upstream {
namespace {

constexpr int doublings_max = 20;

milliseconds doubled(milliseconds first, int times, milliseconds max) {
    return std::min(first * (1 << std::min(times, doublings_max)), max);
}

}  // namespace

void host_health::failed(steady_time now, error reason, std::optional<milliseconds> retry_after) {
    ++failures_;
    reason_ = std::move(reason);
    auto pause = retry_after.value_or(milliseconds{0});
    if (failures_ >= options_.circuit_failures)
        pause = std::max(pause, doubled(options_.circuit_min, failures_ - options_.circuit_failures,
                                        options_.circuit_max));
    blocked_until_ = std::max(blocked_until_, now + pause);
}

milliseconds host_health::blocked_for(steady_time now) const {
    if (blocked_until_ <= now)
        return milliseconds{0};
    return std::chrono::ceil<milliseconds>(blocked_until_ - now);
}

bool host_health::take_retry(steady_time now) {
    const std::chrono::duration<double, std::ratio<60>> passed = now - budget_at_.value_or(now);
    budget_at_ = now;
    const double max = options_.budget_max;
    budget_ = std::min(max, budget_ + passed.count() * max);
    if (budget_ < 1)
        return false;
    budget_ -= 1;
    return true;
}

std::optional<milliseconds> retry_state::next_delay(steady_time now) {
    ++failures_;
    if (failures_ >= options_.attempts_max)
        return std::nullopt;
    if (failures_ > 1 && !health_.take_retry(now))
        return std::nullopt;
    const auto full = doubled(options_.base_delay, failures_ - 1, options_.delay_max);
    std::uniform_int_distribution<milliseconds::rep> jitter(full.count() / 2, full.count());
    const auto delay = std::max(milliseconds{jitter(random_)}, health_.blocked_for(now));
    if (delay > options_.wait_max)
        return std::nullopt;
    return delay;
}

std::string wait_text(milliseconds time) {
    if (time < std::chrono::seconds{10})
        return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
    if (time < std::chrono::minutes{3})
        return fmt::format("{} s", std::chrono::ceil<std::chrono::seconds>(time).count());
    return fmt::format("{} min", std::chrono::ceil<std::chrono::minutes>(time).count());
}

}  // namespace dm::upstream
