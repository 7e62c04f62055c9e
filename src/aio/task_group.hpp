#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <list>
#include <string>
#include <vector>

#include "aio/awaitable.hpp"
#include "aio/event.hpp"

namespace dm::aio {

/// Owns coroutines: who spawns, joins. Used from the executor's one thread only.
/// A task that ends with an exception is logged as a warning with its name; cancellation is silent.
class task_group {
  public:
    explicit task_group(executor ex) : executor_(ex), idle_(std::move(ex)) {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group();

    /// Starts a task soon. What it refers to must outlive this group's join().
    void spawn(std::string name, awaitable<void> task);

    /// Asks all tasks to end (terminal cancellation); join() still has to be awaited.
    void cancel();

    /// Returns when no task is left, whatever is cancelled meanwhile.
    awaitable<void> join();

    /// Returns when no task is left; throws when cancelled.
    awaitable<void> wait();

    awaitable<void> stop() {
        cancel();
        co_await join();
    }

    std::size_t size() const noexcept { return tasks_.size(); }
    const executor& get_executor() const noexcept { return executor_; }

  private:
    struct task {
        std::string name;
        asio::cancellation_signal signal;
    };
    void finished(std::list<task>::iterator which, const std::exception_ptr& failed);

    executor executor_;
    std::list<task> tasks_;
    event idle_;
};

/// Runs all at once; returns when all have ended. The first that throws cancels the others and is
/// what is thrown.
awaitable<void> all_of(std::vector<awaitable<void>> works);

/// Runs `helper` as long as `work` runs: when `work` has ended in whatever way, the helper is
/// cancelled and joined. What the helper throws is logged only.
awaitable<void> beside(awaitable<void> work, awaitable<void> helper);

}  // namespace dm::aio
