#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace dm {

/// Lower-case hex, two characters a byte.
std::string to_hex(byte_view data);

/// Bytes of an even number of hex characters in either case; nullopt for anything else.
std::optional<bytes> from_hex(std::string_view text);

}  // namespace dm
