#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.hpp"
#include "crypto/digest.hpp"
#include "crypto/errc.hpp"

namespace dm::crypto {

/// An incremental SHA-2 computation whose intermediate state can be saved and taken up again, so
/// that a partly received blob costs no re-hashing after a restart. Copies are independent.
/// Spec: FIPS 180-4.
class hasher {
  public:
    explicit hasher(hash_algorithm algorithm);

    void update(byte_view data);
    /// The digest of all bytes so far. The hasher is spent: only destruction or assignment follow.
    digest finish();

    hash_algorithm algorithm() const noexcept { return algorithm_; }
    /// Bytes hashed so far.
    std::uint64_t size() const noexcept { return size_; }

    /// The state after the bytes so far, at most `state_bytes_max` bytes; the same on any machine.
    bytes state() const;
    static constexpr std::size_t state_bytes_max = 1 + 8 + 64 + 127;
    /// Takes up where `state()` was called; anything else is `malformed_state`.
    static result<hasher> from_state(byte_view state);

  private:
    hash_algorithm algorithm_;
    std::uint64_t size_ = 0;
    alignas(8) std::array<std::byte, 216> context_;  // SHA256_CTX or SHA512_CTX
};

digest hash_of(hash_algorithm algorithm, byte_view data);
std::array<std::byte, 32> sha256(byte_view data);
/// `size` bytes of SHAKE128. Spec: FIPS 202.
bytes shake128(byte_view data, std::size_t size);

}  // namespace dm::crypto
