#pragma once

#include <array>
#include <memory>
#include <optional>

#include "base/bytes.hpp"

struct evp_pkey_st;

namespace dm::crypto {

constexpr std::size_t x25519_size = 32;
using x25519_bytes = std::array<std::byte, x25519_size>;

/// A key pair for agreeing on a secret. Moves only; OpenSSL wipes its memory at the end.
/// Spec: RFC 7748.
class x25519_key {
  public:
    static x25519_key generate();
    static x25519_key from_private(std::span<const std::byte, x25519_size> secret);

    const x25519_bytes& public_bytes() const noexcept { return public_; }
    /// The secret shared with the owner of `other`; nullopt when it would be all zero, which a
    /// point of low order makes.
    std::optional<x25519_bytes> agree(std::span<const std::byte, x25519_size> other) const;

  private:
    struct free_key {
        void operator()(evp_pkey_st* key) const noexcept;
    };
    explicit x25519_key(evp_pkey_st* key);

    std::unique_ptr<evp_pkey_st, free_key> key_;
    x25519_bytes public_{};
};

/// HMAC-SHA256.
std::array<std::byte, 32> hmac_sha256(byte_view key, byte_view data);

}  // namespace dm::crypto
