#include "libp2p/kad/key.hpp"

#include <bit>

#include "crypto/hash.hpp"

namespace dm::kad {

key key_of(byte_view preimage) {
    return {crypto::sha256(preimage)};
}

key key_of(const peer_id& id) {
    return key_of(id.bytes());
}

key key_of(const multiformats::multihash& content) {
    return key_of(byte_view(content.to_bytes()));
}

key distance(const key& a, const key& b) noexcept {
    key out;
    for (std::size_t i = 0; i < out.bytes.size(); ++i)
        out.bytes[i] = a.bytes[i] ^ b.bytes[i];
    return out;
}

std::size_t common_prefix_bits(const key& a, const key& b) noexcept {
    for (std::size_t i = 0; i < a.bytes.size(); ++i)
        if (const auto differ = to_u8(a.bytes[i] ^ b.bytes[i]); differ != 0)
            return i * 8 + static_cast<std::size_t>(std::countl_zero(differ));
    return a.bytes.size() * 8;
}

}  // namespace dm::kad
