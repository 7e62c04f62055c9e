#include "aio/timeout.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>

namespace dm::aio {

awaitable<void> with_timeout(awaitable<void> op, std::chrono::steady_clock::duration limit) {
    const auto ex = co_await asio::this_coro::executor;
    asio::steady_timer timer(ex, limit);
    auto [order, failed, timer_code] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(ex, std::move(op), asio::deferred), timer.async_wait(asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), use_awaitable);
    if (!failed)
        co_return;
    const bool expired = order[0] == 1 && !timer_code;
    if (expired)
        raise(errc::timed_out);
    std::rethrow_exception(failed);
}

awaitable<void> sleep_for(std::chrono::steady_clock::duration time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(use_awaitable);
}

}  // namespace dm::aio
