#include "aio/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <cassert>

#include "aio/reason.hpp"
#include "base/log.hpp"

namespace dm::aio {

task_group::~task_group() {
    assert(tasks_.empty() && "a task_group is joined before it is destroyed");
}

void task_group::spawn(std::string name, awaitable<void> work) {
    const auto which = tasks_.emplace(tasks_.end());
    which->name = std::move(name);
    asio::co_spawn(executor_, std::move(work),
                   asio::bind_cancellation_slot(which->signal.slot(),
                                                [this, which](const std::exception_ptr& failed) {
                                                    finished(which, failed);
                                                }));
}

void task_group::finished(std::list<task>::iterator which, const std::exception_ptr& failed) {
    if (failed) {
        try {
            std::rethrow_exception(failed);
        } catch (const std::exception& e) {
            if (!is_cancelled(e))
                log::warn("task failed", {{"task", which->name}, {"reason", reason_of(e)}});
        }
    }
    tasks_.erase(which);
    if (tasks_.empty())
        idle_.notify_all();
}

void task_group::cancel() {
    for (auto& t : tasks_)
        t.signal.emit(asio::cancellation_type::terminal);
}

awaitable<void> task_group::join() {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!tasks_.empty())
        co_await idle_.wait_regardless();
    co_await asio::this_coro::throw_if_cancelled(throws);
}

awaitable<void> task_group::wait() {
    while (!tasks_.empty())
        co_await idle_.wait();
}

namespace {

awaitable<void> note_failure(awaitable<void> work, std::exception_ptr* first, task_group* all) {
    try {
        co_await std::move(work);
    } catch (...) {
        if (!*first) {
            *first = std::current_exception();  // rethrown by all_of
            all->cancel();
        }
    }
}

}  // namespace

awaitable<void> all_of(std::vector<awaitable<void>> works) {
    task_group group(co_await asio::this_coro::executor);
    std::exception_ptr first;
    for (auto& work : works)
        group.spawn("part", note_failure(std::move(work), &first, &group));
    try {
        co_await group.wait();
    } catch (...) {
        if (!first)
            first = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await group.stop();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (first)
        std::rethrow_exception(first);
}

awaitable<void> beside(awaitable<void> work, awaitable<void> helper) {
    task_group group(co_await asio::this_coro::executor);
    group.spawn("helper", std::move(helper));
    std::exception_ptr failed;
    try {
        co_await std::move(work);
    } catch (...) {
        failed = std::current_exception();  // rethrown when the helper has ended
    }
    // A cancelled coroutine may not await anything unless it says so.
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await group.stop();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (failed)
        std::rethrow_exception(failed);
}

}  // namespace dm::aio
