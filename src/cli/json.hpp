#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

/// Reading the node's answers, forgivingly: an older or newer node leaves members out. For .cpp
/// files of this module only.
namespace dm::cli {

using json = nlohmann::ordered_json;

/// Member `name` of an object; null where there is none.
const json& member(const json& value, std::string_view name);
/// Empty where there is none, or it is no string.
std::string text(const json& value, std::string_view name);
/// 0 where there is none, or it is no whole number.
std::uint64_t number(const json& value, std::string_view name);
bool truth(const json& value, std::string_view name);
/// The strings of a list.
std::vector<std::string> texts(const json& value, std::string_view name);

}  // namespace dm::cli
