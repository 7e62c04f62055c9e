#pragma once

#include "base/bytes.hpp"

namespace dm::crypto {

/// Bytes for keys and tokens from OpenSSL's generator, which the operating system seeds. Throws
/// std::runtime_error when there is no entropy.
void fill_random(std::span<std::byte> out);
bytes random_bytes(std::size_t size);

/// Compares in a time that depends on the sizes only, so that a secret cannot be guessed byte by
/// byte.
bool equal_in_constant_time(byte_view a, byte_view b) noexcept;

/// Overwrites a secret in a way that the compiler does not remove.
void wipe(std::span<std::byte> secret) noexcept;

}  // namespace dm::crypto
