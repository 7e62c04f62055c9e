#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"

struct evp_cipher_ctx_st;

namespace dm::crypto {

/// Authenticated encryption under one key; the context is made once, for many messages.
/// Spec: RFC 8439; the nonce is Noise's: four zero bytes, then the counter in little-endian.
class chacha20_poly1305 {
  public:
    static constexpr std::size_t key_size = 32;
    static constexpr std::size_t tag_size = 16;

    explicit chacha20_poly1305(std::span<const std::byte, key_size> key);

    /// `out` has plain.size() + tag_size bytes and may start where `plain` starts.
    void seal(std::uint64_t nonce, byte_view associated, byte_view plain, std::span<std::byte> out);
    /// False when the tag does not fit, or is not there; `out` has sealed.size() - tag_size bytes
    /// and may start where `sealed` starts; what is in it is worth nothing then.
    [[nodiscard]] bool open(std::uint64_t nonce, byte_view associated, byte_view sealed,
                            std::span<std::byte> out);

  private:
    struct free_context {
        void operator()(evp_cipher_ctx_st* context) const noexcept;
    };
    void start(std::uint64_t nonce, byte_view associated, int encrypt);

    std::unique_ptr<evp_cipher_ctx_st, free_context> context_;
};

}  // namespace dm::crypto
