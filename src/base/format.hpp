#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm {

/// "1.2 GiB", "640 MiB", "17 B": binary units, one decimal below 10.
std::string to_size_text(std::uint64_t bytes);

/// "500", "64KiB", "1.5 GiB", "10MB" (decimal) → bytes; nullopt when it is none of these or
/// overflows.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace dm
