#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aio/awaitable.hpp"
#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "base/sqlite/database.hpp"
#include "base/subscribers.hpp"

namespace dm::state {

constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t value_bytes_max = 1 << 20;

/// One key that was written (value) or deleted (no value).
struct change {
    std::string key;
    std::optional<std::string> value;
};

/// A table of strings, all of it in memory, every change on disk before it is acknowledged (SQLite
/// with synchronous=FULL, outside the store's size cap). The state that the fleet shares is one,
/// what only this node must remember another. Lives on the loop.
class durable_map {
  public:
    using entries = std::map<std::string, std::string, std::less<>>;
    using listener = subscribers<change>::listener;

    /// Reads the table; blocks. Throws failure when the database cannot be used.
    durable_map(executor ex, aio::pool& workers, const std::filesystem::path& file,
                std::string_view table = "state");

    const entries& all() const noexcept { return entries_; }
    std::optional<std::string_view> find(std::string_view key) const;
    /// The entries whose key starts with `prefix`, in order.
    std::vector<std::pair<std::string_view, std::string_view>> list(std::string_view prefix) const;

    /// Returns once the change is durable. Throws invalid for an empty or oversized key, too_large
    /// for a value over value_bytes_max; setting what is already there costs nothing.
    awaitable<void> set(std::string key, std::string value);
    /// The same for several keys, in one transaction.
    using entry = std::pair<std::string, std::string>;
    awaitable<void> set_all(std::vector<entry> changes);
    /// False when there was no such key.
    awaitable<bool> erase(std::string key);
    /// Deletes all keys for which `doomed` says so, in one transaction.
    awaitable<std::size_t> erase_if(std::function<bool(std::string_view key)> doomed);

    /// Calls `l` on the loop after each change, until the subscription ends.
    using subscription = subscribers<change>::subscription;
    [[nodiscard]] subscription watch(listener l);

  private:
    aio::pool& workers_;
    aio::limiter one_writer_;  // so that disk and memory see changes in the same order
    sqlite::database db_;
    std::string table_;
    entries entries_;
    subscribers<change> listeners_;
};

}  // namespace dm::state
