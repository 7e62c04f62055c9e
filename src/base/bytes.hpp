#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dm {

using bytes = std::vector<std::byte>;
using byte_view = std::span<const std::byte>;

/// The bytes of a string, not copied.
inline byte_view as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span{text.data(), text.size()});
}

/// The bytes as characters, not copied; no encoding is implied.
inline std::string_view as_chars(byte_view data) noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

inline bytes to_bytes(byte_view data) {
    return {data.begin(), data.end()};
}
inline bytes to_bytes(std::string_view text) {
    return to_bytes(as_bytes(text));
}

inline void append(bytes& out, byte_view data) {
    out.insert(out.end(), data.begin(), data.end());
}
inline void append(bytes& out, std::string_view text) {
    append(out, as_bytes(text));
}

inline std::uint8_t to_u8(std::byte b) noexcept {
    return std::to_integer<std::uint8_t>(b);
}

}  // namespace dm
