#pragma once

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <optional>

#include "aio/awaitable.hpp"

namespace dm::aio {

/// A few threads for what would stall the loop: hashing, disk, SQLite, sendfile.
class pool {
  public:
    explicit pool(std::size_t threads = 2) : threads_(threads) {}
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool() { threads_.join(); }

    /// Runs `f` on a pool thread and resumes the caller on its own executor with the result or
    /// exception. Not cancellable: what `f` refers to stays valid until it is done.
    template <class F>
    awaitable<std::invoke_result_t<F&>> run(F f) {
        using T = std::invoke_result_t<F&>;
        if constexpr (std::is_void_v<T>) {
            co_await run_job([&f] { f(); });
        } else {
            std::optional<T> out;
            co_await run_job([&f, &out] { out.emplace(f()); });
            co_return std::move(*out);
        }
    }

    /// Runs a job that reports by itself. It must not throw.
    void post(std::move_only_function<void()> job);

    /// Waits for all jobs; nothing may be submitted afterwards.
    void join() { threads_.join(); }

  private:
    awaitable<void> run_job(std::function<void()> job);

    asio::thread_pool threads_;
};

}  // namespace dm::aio
