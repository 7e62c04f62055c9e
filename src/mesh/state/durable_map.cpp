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

awaitable<void> durable_map::set_all(std::vector<entry> changes) {
    check(changes);
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
    for (const auto& e : changes)
        tell_written(e);
    for (auto& [key, value] : changes)
        tell({std::move(key), std::move(value)});
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
        tell({std::move(key), std::nullopt});
    }
    co_return keys.size();
}

}  // namespace dm::state
