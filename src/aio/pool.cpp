#include "aio/pool.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace dm::aio {

awaitable<void> pool::run_job(std::function<void()> job) {
    const auto ex = co_await asio::this_coro::executor;
    co_await asio::async_initiate<decltype(use_awaitable), void(std::exception_ptr)>(
        [this, &job, &ex](auto handler) {
            asio::post(threads_, [&job, work = asio::make_work_guard(ex),
                                  h = std::move(handler)]() mutable {
                std::exception_ptr failed;
                try {
                    job();
                } catch (...) {
                    failed = std::current_exception();  // rethrown in the waiting coroutine
                }
                auto executor = work.get_executor();
                asio::post(executor,
                           [h = std::move(h), failed]() mutable { std::move(h)(failed); });
            });
        },
        use_awaitable);
}

void pool::post(std::move_only_function<void()> job) {
    asio::post(threads_, std::move(job));
}

}  // namespace dm::aio
