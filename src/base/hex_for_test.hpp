#pragma once

#include <stdexcept>

#include "base/hex.hpp"

namespace dm {

/// The bytes of a test vector; throws when it is no hex.
inline bytes unhex(std::string_view text) {
    auto out = from_hex(text);
    if (!out)
        throw std::invalid_argument("not hex: " + std::string(text));
    return *std::move(out);
}

}  // namespace dm
