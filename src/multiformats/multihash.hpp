#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "crypto/digest.hpp"
#include "multiformats/codes.hpp"
#include "multiformats/errc.hpp"

namespace dm::multiformats {

/// Longest digest that is carried; also the longest identity "digest", that is inlined content.
constexpr std::size_t multihash_digest_max = 128;
/// Fewest bytes of a cryptographic digest that we trust to name content.
constexpr std::size_t trusted_digest_min = 20;

/// A hash function's code and a digest: what names a block, whatever its codec.
/// A value of 56 bytes; digests over 32 bytes are shared by the copies. Default: identity of
/// nothing.
/// Spec: multiformats multihash.
class multihash {
  public:
    multihash() = default;
    /// `digest` has at most multihash_digest_max bytes.
    multihash(hash_code code, byte_view digest);
    explicit multihash(const crypto::digest& digest);
    /// Hashes the content.
    static multihash sha2_256(byte_view content);

    hash_code code() const noexcept { return code_; }
    byte_view digest() const noexcept {
        return {size_ <= inline_.size() ? inline_.data() : long_->data(), size_};
    }
    bytes to_bytes() const;
    void append_to(bytes& out) const;
    /// Bytes that append_to writes.
    std::size_t encoded_size() const noexcept;

    friend bool operator==(const multihash& a, const multihash& b) noexcept;
    friend std::strong_ordering operator<=>(const multihash& a, const multihash& b) noexcept;

  private:
    hash_code code_ = hash_code::identity;
    std::uint8_t size_ = 0;
    std::array<std::byte, 32> inline_{};
    std::shared_ptr<const bytes> long_;
};

/// Reads one from the front. Errors: truncated, malformed_varint, unsupported_hash (code over 32
/// bits), too_long.
result<decoded<multihash>> read_multihash(byte_view data);
/// The whole of `data`; bytes left over are malformed_multihash.
result<multihash> parse_multihash(byte_view data);

/// The multihash of `content` under the given function: identity (content of at most
/// multihash_digest_max bytes), SHA2-256, SHA2-512 or double SHA2-256. Else unsupported_hash.
result<multihash> hash_content(hash_code code, byte_view content);

/// Whether `content` is what the multihash names; a digest cut short (to 20 bytes or more) is
/// compared as far as it goes. unsupported_hash when we cannot tell.
result<bool> names_content(const multihash& hash, byte_view content);

/// Whether content may be fetched by this multihash: a cryptographic function known to be sound
/// with a digest of 20..128 bytes, or an identity of at most 128.
/// Spec: boxo verifcid allowlist.
bool is_trusted(const multihash& hash) noexcept;

}  // namespace dm::multiformats

template <>
struct std::hash<dm::multiformats::multihash> {
    std::size_t operator()(const dm::multiformats::multihash& h) const noexcept {
        return std::hash<std::string_view>{}(dm::as_chars(h.digest()));
    }
};
