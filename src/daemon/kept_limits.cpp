#include "daemon/kept_limits.hpp"

#include "base/json/read.hpp"

namespace dm::daemon {
namespace {

constexpr const char* key = "limits";
constexpr const char* rate_name = "rate";
constexpr const char* option_name = "option";

/// The option is kept beside the rate: one that says something else now is newer.
nlohmann::json entry(std::uint64_t rate, std::uint64_t option) {
    return {{rate_name, rate}, {option_name, option}};
}

std::uint64_t rate_of(const nlohmann::json& all, const char* direction, std::uint64_t option) {
    const auto* const told = json::member(all, direction);
    if (!told || json::unsigned_member(*told, option_name) != option)
        return option;
    return json::unsigned_member(*told, rate_name).value_or(option);
}

}  // namespace

api::rate_limits limits_at_start(const state::table& kept, const api::rate_limits& options) {
    const auto text = kept.find(key);
    if (!text)
        return options;
    const auto all = json::read(*text);
    if (!all)
        return options;
    return {rate_of(*all, "upload", options.upload), rate_of(*all, "download", options.download)};
}

awaitable<void> keep_limits(state::table& kept, api::rate_limits options, api::rate_limits told) {
    co_await kept.set(key, json::write({{"upload", entry(told.upload, options.upload)},
                                        {"download", entry(told.download, options.download)}}));
}

}  // namespace dm::daemon
