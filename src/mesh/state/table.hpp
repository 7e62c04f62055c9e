#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aio/awaitable.hpp"
#include "base/result.hpp"
#include "base/subscribers.hpp"

namespace dm::state {

constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t value_bytes_max = 1 << 20;

/// One key that was written (value) or deleted (no value).
struct change {
    std::string key;
    std::optional<std::string> value;
};

/// A table of strings, all of it in memory, every change on disk before it is acknowledged. There
/// are three: durable_map is this node's own, crdt::shared_map is shared with the other nodes and
/// also changes by what they do, trust::signed_table shows of that what may be believed. Lives on
/// the loop.
class table {
  public:
    using entries = std::map<std::string, std::string, std::less<>>;
    using entry = std::pair<std::string, std::string>;
    using subscription = subscribers<change>::subscription;
    using listener = subscribers<change>::listener;

    table() = default;
    table(const table&) = delete;
    table& operator=(const table&) = delete;
    virtual ~table() = default;

    virtual const entries& all() const noexcept = 0;
    /// Writes several keys at once. Returns when all are durable. Throws invalid for an empty or
    /// oversized key, too_large for a value over value_bytes_max; setting what is already there
    /// costs nothing.
    virtual awaitable<void> set_all(std::vector<entry> changes) = 0;
    /// Deletes all keys for which `doomed` says so, at once; how many those were.
    virtual awaitable<std::size_t> erase_if(std::function<bool(std::string_view key)> doomed) = 0;

    /// Why this node may not write that key; nullopt when it may. set_all and erase_if throw it.
    virtual std::optional<error> refusal(std::string_view key) const;

    /// Hands over, in pieces, all that anyone has set a key with this prefix to and that is still
    /// known, also what has been overwritten or deleted.
    using take_entries = std::function<awaitable<void>(std::vector<entry>)>;
    virtual awaitable<void> each_written(std::string prefix, take_entries take);

    awaitable<void> set(std::string key, std::string value);
    /// False when there was no such key.
    awaitable<bool> erase(std::string key);

    std::optional<std::string_view> find(std::string_view key) const;
    /// The entries whose key starts with `prefix`, in order.
    std::vector<std::pair<std::string_view, std::string_view>> list(std::string_view prefix) const;

    /// Calls `l` on the loop after each change, until the subscription ends. Changes that belong
    /// together are all there when the first is told.
    [[nodiscard]] subscription watch(listener l) { return listeners_.add(std::move(l)); }

    /// The same for each value that anyone sets a key to, also when it is not what the table then
    /// shows because another one counts.
    using write_subscription = subscribers<entry>::subscription;
    [[nodiscard]] write_subscription watch_written(subscribers<entry>::listener l) {
        return written_.add(std::move(l));
    }

  protected:
    /// Throws what set_all() throws for its arguments.
    static void check(const std::vector<entry>& changes);
    void tell(const change& c) const { listeners_.tell(c); }
    void tell_written(const entry& e) const { written_.tell(e); }

  private:
    subscribers<change> listeners_;
    subscribers<entry> written_;
};

}  // namespace dm::state
