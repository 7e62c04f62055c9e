#include "runtime/engine/image_engine.hpp"

#include <algorithm>

#include "runtime/engine/name.hpp"

namespace dm::engine {

std::string to_string(const platform& value) {
    auto out = value.os;
    for (const auto* part : {&value.architecture, &value.variant})
        if (!part->empty())
            out += "/" + *part;
    return out;
}

bool answers_to(const image& what, std::string_view name_or_id) {
    if (what.id == name_or_id)
        return true;
    const auto name = familiar_name(name_or_id);
    const auto has = [&](const std::vector<std::string>& names) {
        return std::ranges::find(names, name) != names.end();
    };
    return has(what.repo_tags) || has(what.repo_digests);
}

awaitable<std::optional<image>> image_engine::inspect(std::string name_or_id) {
    std::vector<std::string> names(1, std::move(name_or_id));
    auto found = co_await list(std::move(names));
    if (found.empty())
        co_return std::nullopt;
    co_return std::move(found.front());
}

}  // namespace dm::engine
