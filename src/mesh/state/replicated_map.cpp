#include "mesh/state/replicated_map.hpp"

#include <fmt/format.h>

namespace dm::state {

replicated_map::replicated_map(executor ex, aio::pool& workers, const std::filesystem::path& file)
    : workers_(workers), one_writer_(std::move(ex), 1), db_(file, sqlite::durability::full) {
    db_.execute(
        "create table if not exists state(key text primary key, value text not null) without "
        "rowid");
    auto s = db_.prepare("select key, value from state");
    while (s.step())
        entries_.emplace(s.text(0), s.text(1));
}

std::optional<std::string_view> replicated_map::find(std::string_view key) const {
    const auto it = entries_.find(key);
    if (it == entries_.end())
        return std::nullopt;
    return it->second;
}

std::vector<std::pair<std::string_view, std::string_view>> replicated_map::list(
    std::string_view prefix) const {
    std::vector<std::pair<std::string_view, std::string_view>> out;
    for (auto it = entries_.lower_bound(prefix);
         it != entries_.end() && it->first.starts_with(prefix); ++it)
        out.emplace_back(it->first, it->second);
    return out;
}

awaitable<void> replicated_map::set(std::string key, std::string value) {
    if (key.empty() || key.size() > key_bytes_max)
        throw failure({make_error_code(std::errc::invalid_argument),
                       fmt::format("a key has 1 to {} bytes", key_bytes_max)});
    if (value.size() > value_bytes_max)
        throw failure({make_error_code(aio::errc::too_much_data),
                       fmt::format("a value has at most {} bytes", value_bytes_max)});
    const auto turn = co_await one_writer_.acquire();
    if (find(key) == value)
        co_return;
    co_await workers_.run([&] {
        auto s = db_.prepare(
            "insert into state(key, value) values(?, ?) on conflict(key) do update set value = "
            "excluded.value");
        s.bind(1, std::string_view(key)).bind(2, std::string_view(value)).run();
    });
    entries_[key] = value;
    announce({std::move(key), std::move(value)});
}

awaitable<bool> replicated_map::erase(std::string key) {
    const auto erased = co_await erase_if([&](std::string_view k) { return k == key; });
    co_return erased > 0;
}

awaitable<std::size_t> replicated_map::erase_if(std::function<bool(std::string_view)> doomed) {
    const auto turn = co_await one_writer_.acquire();
    std::vector<std::string> keys;
    for (const auto& [key, value] : entries_)
        if (doomed(key))
            keys.push_back(key);
    if (keys.empty())
        co_return 0;
    co_await workers_.run([&] {
        sqlite::transaction t(db_);
        auto s = db_.prepare("delete from state where key = ?");
        for (const auto& key : keys)
            s.bind(1, std::string_view(key)).run();
        t.commit();
    });
    for (auto& key : keys) {
        entries_.erase(key);
        announce({std::move(key), std::nullopt});
    }
    co_return keys.size();
}

replicated_map::subscription replicated_map::watch(listener l) {
    return {*this, listeners_.insert(listeners_.end(), std::move(l))};
}

void replicated_map::announce(const change& c) {
    for (auto& l : listeners_)
        l(c);
}

}  // namespace dm::state
