#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dm::plan {

constexpr std::size_t labels_max = 32;
constexpr std::size_t label_text_max = 63;  ///< of a key, and of a value

/// What a node says of itself ("site" = "store"), or what a strategy asks for.
using labels = std::map<std::string, std::string, std::less<>>;

/// Whether `all` has every label of `wanted`, with the same value.
bool matches(const labels& wanted, const labels& all);

/// Letters, digits, '.', '_', '-' and '/', starting with a letter or digit.
bool is_label_text(std::string_view text) noexcept;

/// "site=store" as on the command line. Error: invalid_field.
result<std::pair<std::string, std::string>> parse_label(std::string_view text);

/// "a=1,b=2"; empty for none.
std::string to_string(const labels& all);

}  // namespace dm::plan
