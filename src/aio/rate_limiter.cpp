#include "aio/rate_limiter.hpp"

#include "aio/timeout.hpp"

namespace dm::aio {

awaitable<void> rate_limiter::take(std::size_t bytes) {
    const auto now = std::chrono::steady_clock::now();
    const auto when = bucket_.take(now, bytes);
    if (when > now)
        co_await sleep_for(when - now);
}

}  // namespace dm::aio
