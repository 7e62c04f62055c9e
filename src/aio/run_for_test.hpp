#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <future>

#include "aio/awaitable.hpp"
#include "aio/timeout.hpp"

namespace dm::aio {

/// Runs one coroutine to its end on a loop of its own, for tests; rethrows what it threw, gives up
/// after a minute.
template <class Make>
void run_coroutine(Make make) {
    asio::io_context loop;
    std::exception_ptr failed;
    asio::co_spawn(loop, with_timeout(make(executor(loop.get_executor())), std::chrono::minutes(1)),
                   [&](std::exception_ptr e) { failed = e; });
    loop.run();
    if (failed)
        std::rethrow_exception(failed);
}

/// Runs a test in a world of its own, which is stopped however the test ends; `body` is a coroutine
/// function of (World&).
template <class World, class Body>
void run_in_world(Body body) {
    run_coroutine([&](executor ex) -> awaitable<void> {
        World w(ex);
        std::exception_ptr failed;
        try {
            co_await body(w);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await asio::this_coro::reset_cancellation_state();  // when the time was up
        co_await w.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

}  // namespace dm::aio
