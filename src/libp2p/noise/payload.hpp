#pragma once

#include <string>
#include <vector>

#include "crypto/key.hpp"
#include "crypto/x25519.hpp"
#include "libp2p/noise/errc.hpp"

namespace dm::noise {

constexpr std::size_t muxers_max = 16;
constexpr std::size_t muxer_bytes_max = 256;

/// Who a side is, sent encrypted in message 2 and 3.
struct payload {
    crypto::public_key identity;
    bytes signature;                  ///< of the static key, by the identity
    std::vector<std::string> muxers;  ///< in the order of its preference
};

/// `static_key` signed by the identity, with what this side can multiplex by.
/// Spec: libp2p noise "The libp2p Handshake Payload".
bytes encode_payload(const crypto::private_key& identity, const crypto::x25519_bytes& static_key,
                     const std::vector<std::string>& muxers);

/// Does not look at the signature. Muxers beyond the limits are left out. Errors: malformed, and
/// those of keys.
result<payload> decode_payload(byte_view data);

/// Whether the identity has signed this static key.
bool is_signed(const payload& p, const crypto::x25519_bytes& static_key);

}  // namespace dm::noise
