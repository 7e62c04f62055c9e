#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace dm::crypto {

/// A key stream of XSalsa20 that bytes are mixed with in place, in pieces of any size. There is no
/// authentication.
/// Spec: Bernstein, "Extending the Salsa20 nonce"; NaCl crypto_stream_xsalsa20.
class xsalsa20 {
  public:
    static constexpr std::size_t key_size = 32;
    static constexpr std::size_t nonce_size = 24;

    xsalsa20(std::span<const std::byte, key_size> key,
             std::span<const std::byte, nonce_size> nonce);
    xsalsa20(const xsalsa20&) = delete;
    xsalsa20& operator=(const xsalsa20&) = delete;
    ~xsalsa20();

    void apply(std::span<std::byte> data);

  private:
    static constexpr std::size_t block_size = 64;

    std::array<unsigned char, 32> key_;  // of the inner Salsa20
    std::array<unsigned char, 8> nonce_;
    std::array<std::byte, block_size> block_{};  // key stream of the block that is under way
    std::uint64_t position_ = 0;
};

/// The key stream of plain Salsa20 under an 8-byte nonce, from its start.
bytes salsa20_stream(std::span<const std::byte, 32> key, std::span<const std::byte, 8> nonce,
                     std::size_t size);

}  // namespace dm::crypto
