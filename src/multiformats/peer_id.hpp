#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "crypto/key.hpp"
#include "multiformats/cid.hpp"
#include "multiformats/errc.hpp"

namespace dm::multiformats {

/// Longest serialised public key that is put into a peer id as it is; longer ones are hashed.
constexpr std::size_t inlined_key_max = 42;

/// Serialises to libp2p's protobuf `PublicKey`: what peer ids hash.
/// Spec: libp2p peer-ids "Keys".
bytes marshal(const crypto::public_key& key);
/// Takes exactly what marshal writes. Errors: malformed_protobuf, and those of crypto.
result<crypto::public_key> unmarshal_public_key(byte_view data);

/// Serialises to libp2p's protobuf `PrivateKey`, the format of the file `privateKey`. Secret.
bytes marshal(const crypto::private_key& key);
result<crypto::private_key> unmarshal_private_key(byte_view data);

/// Who a libp2p node is: the multihash of its public key, which short keys (Ed25519, secp256k1)
/// are part of. A trivially copyable value, ordered by its bytes.
/// Spec: libp2p peer-ids.
class peer_id {
  public:
    explicit peer_id(const crypto::public_key& key);
    /// A binary multihash: identity of at most inlined_key_max bytes or a full SHA2-256, nothing
    /// else. Error: malformed_peer_id.
    static result<peer_id> from_bytes(byte_view data);

    byte_view bytes() const noexcept { return byte_view{bytes_}.first(size_); }
    /// Base58: `12D3KooW…`, `16Uiu2HA…`, `Qm…`.
    std::string to_string() const;
    /// CIDv1 with codec libp2p-key: `bafz…` by default, `k51…` in base36.
    cid to_cid() const;
    /// The key, where the id contains it and it is a valid one.
    std::optional<crypto::public_key> inlined_key() const;
    bool matches(const crypto::public_key& key) const { return *this == peer_id(key); }

    friend bool operator==(const peer_id&, const peer_id&) = default;
    friend auto operator<=>(const peer_id&, const peer_id&) = default;

  private:
    peer_id() = default;

    std::array<std::byte, 2 + inlined_key_max> bytes_{};  // unused bytes are zero
    std::uint8_t size_ = 0;
};

/// Reads both text forms: base58 of the multihash, or a CID with codec libp2p-key in any base.
/// Error: malformed_peer_id.
result<peer_id> parse_peer_id(std::string_view text);

}  // namespace dm::multiformats

template <>
struct std::hash<dm::multiformats::peer_id> {
    std::size_t operator()(const dm::multiformats::peer_id& id) const noexcept {
        return std::hash<std::string_view>{}(dm::as_chars(id.bytes()));
    }
};
