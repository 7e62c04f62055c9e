#pragma once

#include <cstdint>
#include <expected>

#include "base/bytes.hpp"

namespace dm {

constexpr std::size_t varint_bytes_max = 9;

struct varint_read {
    std::uint64_t value = 0;
    std::size_t size = 0;  ///< bytes consumed, 1..9
};

/// Why a varint could not be read.
enum class varint_error { incomplete, malformed };

/// Appends 1..9 bytes, least significant group first. `value` < 2^63.
void append_varint(bytes& out, std::uint64_t value);

/// Reads one from the front. Malformed: not minimal, or longer than 9 bytes.
/// Spec: multiformats unsigned-varint.
std::expected<varint_read, varint_error> read_varint(byte_view data);

}  // namespace dm
