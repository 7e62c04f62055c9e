#include "control/agent/ownership.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dm::agent {
namespace {

constexpr std::string_view prefix = "placed/";

/// "placed/busybox:1.35.0 sha256:…": neither part has a space.
std::string key_of(const plan::placed_name& p) {
    return fmt::format("{}{} {}", prefix, p.name, p.image_id);
}

}  // namespace

std::vector<plan::placed_name> ownership::all() const {
    std::vector<plan::placed_name> out;
    for (const auto& [key, value] : local_.list(prefix)) {
        const auto text = key.substr(prefix.size());
        const auto space = text.find(' ');
        if (space != std::string_view::npos)
            out.push_back(
                {std::string(text.substr(0, space)), std::string(text.substr(space + 1))});
    }
    return out;
}

bool ownership::has(const plan::placed_name& p) const {
    return local_.find(key_of(p)).has_value();
}

bool ownership::has_image(std::string_view image_id) const {
    const auto names = all();
    return std::ranges::find(names, image_id, &plan::placed_name::image_id) != names.end();
}

awaitable<void> ownership::add(plan::placed_name p) {
    co_await local_.set(key_of(p), "1");
}

awaitable<void> ownership::remove(plan::placed_name p) {
    co_await local_.erase(key_of(p));
}

}  // namespace dm::agent
