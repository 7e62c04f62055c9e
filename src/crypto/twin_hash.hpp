#pragma once

#include "crypto/hash.hpp"

namespace dm::crypto {

/// The sha2-256 of `data` alone; `whole` goes on with the same bytes. Where the CPU has
/// instructions for SHA-256 and `whole` stands at a multiple of 64 bytes, this costs a third more
/// than one of the two: they share the schedule of each block, and their rounds run side by side.
std::array<std::byte, 32> sha256_and_update(hasher& whole, byte_view data);

}  // namespace dm::crypto
