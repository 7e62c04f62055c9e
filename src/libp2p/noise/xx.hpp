#pragma once

#include <optional>

#include "crypto/chacha20_poly1305.hpp"
#include "crypto/x25519.hpp"
#include "libp2p/noise/errc.hpp"

namespace dm::noise {

enum class role { initiator, responder };

using hash_bytes = std::array<std::byte, 32>;

/// The two directions after a handshake.
struct ciphers {
    crypto::chacha20_poly1305 send;
    crypto::chacha20_poly1305 receive;
};

/// The three messages of Noise_XX_25519_ChaChaPoly_SHA256 with an empty prologue: each side calls
/// write() and read() in turn, the initiator starts with write(). Nothing may be called after an
/// error.
/// Spec: The Noise Protocol Framework, revision 34.
class xx_handshake {
  public:
    /// `static_key` outlives this.
    xx_handshake(role r, const crypto::x25519_key& static_key, crypto::x25519_key ephemeral);

    bytes write(byte_view payload);
    /// The payload. Errors: malformed, not_authentic.
    result<bytes> read(byte_view message);

    bool done() const noexcept { return step_ == 3; }
    bool may_write() const noexcept {
        return !done() && (step_ % 2 == 0) == (role_ == role::initiator);
    }
    /// The other side's static key; known after message 2 or 3 was read.
    const crypto::x25519_bytes& remote_static() const noexcept { return remote_static_; }
    /// Once, when done.
    ciphers split();

  private:
    void mix_hash(byte_view data);
    void mix_key(byte_view secret);
    void append_encrypted(bytes& out, byte_view plain);
    result<bytes> take_decrypted(byte_view& message, std::size_t size);
    [[nodiscard]] bool agree(const crypto::x25519_key& mine, const crypto::x25519_bytes& theirs);
    /// The secrets that follow the encrypted static key of a message, or the ephemeral one.
    [[nodiscard]] bool mix_ee();
    [[nodiscard]] bool mix_static_of_sender(bool sender_is_me);

    role role_;
    const crypto::x25519_key& static_;
    crypto::x25519_key ephemeral_;
    crypto::x25519_bytes remote_static_{};
    crypto::x25519_bytes remote_ephemeral_{};
    hash_bytes hash_;
    hash_bytes chaining_key_;
    std::optional<crypto::chacha20_poly1305> key_;
    std::uint64_t nonce_ = 0;
    int step_ = 0;         // messages so far
    bool broken_ = false;  // a shared secret was refused while writing
};

}  // namespace dm::noise
