#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace dm::unixfs {

/// First 64 bits of MurmurHash3 x64 128 with seed 0: where HAMT directories put a name. Its first
/// byte on the wire is the most significant one.
/// Spec: multicodec murmur3-x64-64.
std::uint64_t murmur3_x64_64(byte_view data) noexcept;

}  // namespace dm::unixfs
