#include "cli/json.hpp"

namespace dm::cli {

const json& member(const json& value, std::string_view name) {
    static const json none;
    if (!value.is_object())
        return none;
    const auto found = value.find(std::string(name));
    return found == value.end() ? none : *found;
}

std::string text(const json& value, std::string_view name) {
    const auto& found = member(value, name);
    return found.is_string() ? found.get<std::string>() : std::string();
}

std::uint64_t number(const json& value, std::string_view name) {
    const auto& found = member(value, name);
    return found.is_number_unsigned() ? found.get<std::uint64_t>() : 0;
}

bool truth(const json& value, std::string_view name) {
    const auto& found = member(value, name);
    return found.is_boolean() && found.get<bool>();
}

std::vector<std::string> texts(const json& value, std::string_view name) {
    std::vector<std::string> out;
    const auto& found = member(value, name);
    if (!found.is_array())
        return out;
    for (const auto& item : found)
        if (item.is_string())
            out.push_back(item.get<std::string>());
    return out;
}

}  // namespace dm::cli
