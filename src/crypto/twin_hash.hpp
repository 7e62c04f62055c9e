#pragma once

#include "crypto/hash.hpp"

namespace dm::crypto {

/// The sha2-256 of `data` alone; `whole` goes on with the same bytes. Where the CPU has
/// instructions for SHA-256 and `whole` stands at a multiple of 64 bytes, this costs about as much
/// as one of the two: they share the schedule of each block, and their rounds run beside each
/// other.
std::array<std::byte, 32> sha256_and_update(hasher& whole, byte_view data);

}  // namespace dm::crypto
