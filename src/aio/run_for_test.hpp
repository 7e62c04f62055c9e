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

}  // namespace dm::aio
