#pragma once

#include <string>
#include <string_view>

namespace dm::syntax {

/// Type and subtype of a Content-Type value, lower case, without parameters and spaces:
/// "Application/JSON; charset=utf-8" → "application/json"; empty for empty text.
std::string media_type_essence(std::string_view text);

}  // namespace dm::syntax
