#include "mesh/state/durable_map.hpp"

#include <fmt/format.h>

namespace dm::state {

durable_map::durable_map(executor ex, aio::pool& workers, const std::filesystem::path& file,
                         std::string_view table)
    : workers_(workers),
      one_writer_(std::move(ex), 1),
      db_(file, sqlite::durability::full),
      table_(table) {
    db_.execute(fmt::format("create table if not exists {}(key text primary key, value text not "
                            "null) without rowid",
                            table_)
                    .c_str());
    auto s = db_.prepare(fmt::format("select key, value from {}", table_));
    while (s.step())
        entries_.emplace(s.text(0), s.text(1));
}

std::optional<std::string_view> durable_map::find(std::string_view key) const {
    const auto it = entries_.find(key);
    if (it == entries_.end())
        return std::nullopt;
    return it->second;
}

std::vector<std::pair<std::string_view, std::string_view>> durable_map::list(
    std::string_view prefix) const {
    std::vector<std::pair<std::string_view, std::string_view>> out;
    for (auto it = entries_.lower_bound(prefix);
         it != entries_.end() && it->first.starts_with(prefix); ++it)
        out.emplace_back(it->first, it->second);
    return out;
}

awaitable<void> durable_map::set(std::string key, std::string value) {
    std::vector<entry> changes;
    changes.emplace_back(std::move(key), std::move(value));
    co_await set_all(std::move(changes));
}

awaitable<void> durable_map::set_all(std::vector<entry> changes) {
    for (const auto& [key, value] : changes) {
        if (key.empty() || key.size() > key_bytes_max)
            throw failure({make_error_code(std::errc::invalid_argument),
                           fmt::format("a key has 1 to {} bytes", key_bytes_max)});
        if (value.size() > value_bytes_max)
            throw failure({make_error_code(aio::errc::too_much_data),
                           fmt::format("a value has at most {} bytes", value_bytes_max)});
    }
    const auto turn = co_await one_writer_.acquire();
    std::erase_if(changes, [&](const entry& e) { return find(e.first) == e.second; });
    if (changes.empty())
        co_return;
    co_await workers_.run([&] {
        sqlite::transaction t(db_);
        auto s =
            db_.prepare(fmt::format("insert into {}(key, value) values(?, ?) on conflict(key) "
                                    "do update set value = excluded.value",
                                    table_));
        for (const auto& [key, value] : changes)
            s.bind(1, std::string_view(key)).bind(2, std::string_view(value)).run();
        t.commit();
    });
    for (const auto& [key, value] : changes)
        entries_[key] = value;
    for (auto& [key, value] : changes)
        listeners_.tell({std::move(key), std::move(value)});
}

awaitable<bool> durable_map::erase(std::string key) {
    const auto erased = co_await erase_if([&](std::string_view k) { return k == key; });
    co_return erased > 0;
}

awaitable<std::size_t> durable_map::erase_if(std::function<bool(std::string_view)> doomed) {
    const auto turn = co_await one_writer_.acquire();
    std::vector<std::string> keys;
    for (const auto& [key, value] : entries_)
        if (doomed(key))
            keys.push_back(key);
    if (keys.empty())
        co_return 0;
    co_await workers_.run([&] {
        sqlite::transaction t(db_);
        auto s = db_.prepare(fmt::format("delete from {} where key = ?", table_));
        for (const auto& key : keys)
            s.bind(1, std::string_view(key)).run();
        t.commit();
    });
    for (auto& key : keys) {
        entries_.erase(key);
        listeners_.tell({std::move(key), std::nullopt});
    }
    co_return keys.size();
}

durable_map::subscription durable_map::watch(listener l) {
    return listeners_.add(std::move(l));
}

}  // namespace dm::state
