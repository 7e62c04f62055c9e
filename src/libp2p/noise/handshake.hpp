#pragma once

#include "libp2p/noise/payload.hpp"
#include "libp2p/noise/xx.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::noise {

/// Longest handshake message that is read; one with keys of RSA-8192 takes 2.3 KB.
constexpr std::size_t handshake_bytes_max = 8192;

/// What this side brings into handshakes. The identity outlives them.
struct local_party {
    const crypto::private_key& identity;
    crypto::x25519_key static_key;    ///< one for the life of the process
    std::vector<std::string> muxers;  ///< in the order of preference
};

/// One side of libp2p's Noise handshake: bytes go in and out, then it is known who the other side
/// is, and frames can be sealed. Never takes a byte behind the handshake.
/// Spec: libp2p noise.
class handshake {
  public:
    /// `expected`: who was dialled. `local` outlives this; the ephemeral key is used once.
    handshake(role r, const local_party& local, crypto::x25519_key ephemeral,
              std::optional<multiformats::peer_id> expected);

    /// Bytes to read next, exactly; 0 when it is the other way's turn or done.
    std::size_t wanted() const noexcept;
    /// Takes bytes from the front of `data` and returns how many. Errors: those of noise and of
    /// keys; nothing more may be fed then.
    result<std::size_t> feed(byte_view data);
    byte_view pending() const noexcept { return byte_view(out_).subspan(sent_); }
    void sent(std::size_t n) noexcept { sent_ += n; }

    /// Both sides have said everything; pending() may still have to be sent.
    bool done() const noexcept { return xx_.done(); }
    /// When done: who the other side is, proven.
    const payload& remote() const noexcept { return *remote_; }
    const crypto::x25519_bytes& remote_static() const noexcept { return xx_.remote_static(); }
    multiformats::peer_id remote_id() const { return multiformats::peer_id(remote_->identity); }
    /// The muxer that both sides take without further negotiation: the first of the initiator's
    /// that the responder has, too.
    std::optional<std::string> muxer() const;
    /// Once, when done.
    ciphers split() { return xx_.split(); }

  private:
    void say();
    result<void> hear(byte_view message);

    const local_party& local_;
    std::optional<multiformats::peer_id> expected_;
    role role_;
    xx_handshake xx_;
    std::optional<payload> remote_;
    bytes in_;  // the message under way, with its length
    bytes out_;
    std::size_t sent_ = 0;
};

}  // namespace dm::noise
