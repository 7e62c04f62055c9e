#include "mesh/state/table.hpp"

#include <fmt/format.h>

namespace dm::state {

awaitable<void> table::set(std::string key, std::string value) {
    std::vector<entry> changes;
    changes.emplace_back(std::move(key), std::move(value));
    co_await set_all(std::move(changes));
}

awaitable<bool> table::erase(std::string key) {
    const auto erased = co_await erase_if([&](std::string_view k) { return k == key; });
    co_return erased > 0;
}

std::optional<std::string_view> table::find(std::string_view key) const {
    const auto it = all().find(key);
    if (it == all().end())
        return std::nullopt;
    return it->second;
}

std::vector<std::pair<std::string_view, std::string_view>> table::list(
    std::string_view prefix) const {
    std::vector<std::pair<std::string_view, std::string_view>> out;
    for (auto it = all().lower_bound(prefix); it != all().end() && it->first.starts_with(prefix);
         ++it)
        out.emplace_back(it->first, it->second);
    return out;
}

std::optional<error> table::refusal(std::string_view) const {
    return std::nullopt;
}

awaitable<void> table::each_written(std::string prefix, take_entries take) {
    std::vector<entry> all;
    for (const auto& [key, value] : list(prefix))
        all.emplace_back(key, value);
    co_await take(std::move(all));
}

void table::check(const std::vector<entry>& changes) {
    for (const auto& [key, value] : changes) {
        if (key.empty() || key.size() > key_bytes_max)
            throw failure({make_error_code(std::errc::invalid_argument),
                           fmt::format("a key has 1 to {} bytes", key_bytes_max)});
        if (value.size() > value_bytes_max)
            throw failure({make_error_code(aio::errc::too_much_data),
                           fmt::format("a value has at most {} bytes", value_bytes_max)});
    }
}

}  // namespace dm::state
