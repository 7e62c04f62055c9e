#pragma once

#include <string>
#include <string_view>

namespace dm::state {

/// A key as the shared state has it, which is go-datastore's form: "/" in front, no "//", ".", ".."
/// and trailing "/".
std::string clean_key(std::string_view key);

}  // namespace dm::state
