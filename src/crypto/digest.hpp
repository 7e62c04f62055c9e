#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "crypto/errc.hpp"

namespace dm::crypto {

enum class hash_algorithm : std::uint8_t { sha256, sha512 };

constexpr std::size_t digest_size_max = 64;
/// Longest digest text worth looking at, whatever its algorithm.
constexpr std::size_t digest_text_max = 256;

/// 32 or 64 bytes.
constexpr std::size_t digest_size(hash_algorithm algorithm) noexcept {
    return algorithm == hash_algorithm::sha256 ? 32 : 64;
}

/// "sha256" or "sha512".
std::string_view name_of(hash_algorithm algorithm) noexcept;

/// What OCI calls a digest: an algorithm and the hash of some bytes. A value: cheap to copy,
/// ordered by algorithm and then bytes, hashable. Default: sha256 of all zero bytes, which no
/// content has.
class digest {
  public:
    digest() = default;
    /// `value` has digest_size(algorithm) bytes.
    digest(hash_algorithm algorithm, byte_view value);

    hash_algorithm algorithm() const noexcept { return algorithm_; }
    byte_view value() const noexcept { return byte_view{value_}.first(digest_size(algorithm_)); }
    /// Lower case, 64 or 128 characters.
    std::string hex() const;
    /// "sha256:<hex>".
    std::string to_string() const;

    friend auto operator<=>(const digest&, const digest&) = default;

  private:
    hash_algorithm algorithm_ = hash_algorithm::sha256;
    std::array<std::byte, digest_size_max> value_{};  // unused bytes are zero
};

/// Reads "sha256:<64 lower-case hex>" or "sha512:<128 lower-case hex>". An algorithm that is
/// well-formed but not one of these is `unsupported_algorithm`, anything else `malformed_digest`.
/// Spec: OCI image-spec v1.1 "Digests".
result<digest> parse_digest(std::string_view text);

}  // namespace dm::crypto

template <>
struct std::hash<dm::crypto::digest> {
    std::size_t operator()(const dm::crypto::digest& d) const noexcept {
        std::size_t first = 0;
        std::memcpy(&first, d.value().data(), sizeof first);
        return first;
    }
};
