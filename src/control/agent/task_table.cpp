#include "control/agent/task_table.hpp"

#include "base/log.hpp"

namespace dm::agent {

task_table::task_table(executor ex, options o, std::function<void()> on_end)
    : executor_(std::move(ex)), options_(o), on_end_(std::move(on_end)), random_(o.seed) {}

task_table::start task_table::run(const std::string& key,
                                  const std::function<awaitable<void>()>& make, steady_time now) {
    if (ended_.contains(key))
        return start::outdated;
    auto& e = entries_[key];
    if (!e)
        e = std::make_unique<entry>(executor_);
    if (e->running)
        return start::running;
    if (e->failed && now < e->failed->next_try)
        return start::held_back;
    e->running = true;
    e->group.spawn(key, guard(key, make()));
    return start::started;
}

awaitable<void> task_table::guard(std::string key, awaitable<void> work) {
    std::optional<error> failed;
    try {
        co_await std::move(work);
    } catch (const std::exception& e) {
        failed = error_of(e);
        if (aio::is_cancelled(e))
            failed->code = make_error_code(std::errc::operation_canceled);
    }
    auto& e = *entries_.at(key);
    e.running = false;
    if (!failed) {
        e.failed.reset();
        ended_.insert(key);
    } else if (dm::condition_of(failed->code) != condition::cancelled) {
        const auto attempts = e.failed ? e.failed->attempts + 1 : 1;
        const auto pause = pause_after(attempts);
        log::warn("work failed", {{"work", key},
                                  {"reason", failed->message()},
                                  {"attempts", attempts},
                                  {"next_try_ms", pause.count()}});
        e.failed = failed_work{*failed, attempts, std::chrono::steady_clock::now() + pause};
    }
    on_end_();
}

std::chrono::milliseconds task_table::pause_after(unsigned attempts) {
    auto pause = options_.delay_min;
    for (unsigned i = 1; i < attempts && pause < options_.delay_max; ++i)
        pause *= 2;
    pause = std::min(pause, options_.delay_max);
    std::uniform_int_distribution<std::int64_t> spread(0, pause.count() / 4);
    return pause + std::chrono::milliseconds(spread(random_));
}

void task_table::keep_only(const std::set<std::string>& wanted) {
    for (auto& [key, e] : entries_) {
        if (wanted.contains(key))
            continue;
        if (e->running)
            e->group.cancel();
        e->failed.reset();
    }
    sweep();
}

void task_table::sweep() {
    std::erase_if(entries_, [](const auto& item) {
        const auto& e = *item.second;
        return !e.running && !e.failed && e.group.size() == 0;
    });
}

void task_table::forgive(std::string_view key_prefix) {
    for (auto& [key, e] : entries_)
        if (key.starts_with(key_prefix) && e->failed)
            e->failed->next_try = {};
}

const task_table::failed_work* task_table::failure_of(std::string_view key) const {
    const auto it = entries_.find(key);
    return it != entries_.end() && it->second->failed ? &*it->second->failed : nullptr;
}

bool task_table::is_running(std::string_view key) const {
    const auto it = entries_.find(key);
    return it != entries_.end() && it->second->running;
}

std::optional<steady_time> task_table::next_due() const {
    std::optional<steady_time> first;
    for (const auto& [key, e] : entries_)
        if (e->failed && !e->running && (!first || e->failed->next_try < *first))
            first = e->failed->next_try;
    return first;
}

awaitable<void> task_table::stop() {
    for (auto& [key, e] : entries_)
        e->group.cancel();
    for (auto& [key, e] : entries_)
        co_await e->group.join();
}

}  // namespace dm::agent
