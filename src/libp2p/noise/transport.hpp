#pragma once

#include "libp2p/noise/xx.hpp"

namespace dm::noise {

constexpr std::size_t frame_bytes_max = 65535;  ///< behind the length
constexpr std::size_t frame_plain_max = frame_bytes_max - crypto::chacha20_poly1305::tag_size;
/// What a frame adds to its plain bytes: two of length, and the tag.
constexpr std::size_t frame_overhead = 2 + crypto::chacha20_poly1305::tag_size;

/// Encrypts and decrypts after the handshake, frame by frame and in place: the caller owns the
/// buffers, so that nothing is copied.
/// Spec: libp2p noise "Wire Format".
class transport {
  public:
    explicit transport(ciphers keys) : keys_(std::move(keys)) {}

    /// Writes one frame of `plain` (at most frame_plain_max bytes) into `out`, which has
    /// plain.size() + frame_overhead bytes. `plain` may lie in `out` at offset 2, where it is
    /// replaced.
    void seal(byte_view plain, std::span<std::byte> out);

    struct frame {
        std::span<std::byte> plain;  ///< within what was given
        std::size_t size = 0;        ///< of the whole frame
    };
    /// Decrypts the frame at the front of `data` in place; nullopt when it is not all there.
    /// Errors: malformed, not_authentic; the connection is useless then.
    result<std::optional<frame>> open(std::span<std::byte> data);

  private:
    ciphers keys_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
};

}  // namespace dm::noise
