// links: noise
// A stranger shakes hands: whatever it sends, nothing but a peer that owns its identity gets
// through, and how the bytes are cut makes no difference.
#include <algorithm>
#include <array>

#include "libp2p/noise/handshake.hpp"
#include "libp2p/noise/transport.hpp"
#include "require.hpp"

using namespace dm;

namespace {

crypto::x25519_bytes filled(int value) {
    crypto::x25519_bytes out;
    out.fill(static_cast<std::byte>(value));
    return out;
}

const crypto::private_key& identity() {
    static const auto key = crypto::private_key::from_seed(filled(1));
    return key;
}

const noise::local_party& local() {
    static const noise::local_party party{
        identity(), crypto::x25519_key::from_private(filled(2)), {"/yamux/1.0.0"}};
    return party;
}

std::error_code play(noise::role role, byte_view input, std::size_t step) {
    noise::handshake h(role, local(), crypto::x25519_key::from_private(filled(3)), {});
    while (!input.empty() && !h.done()) {
        const auto n = std::min(step, input.size());
        const auto taken = h.feed(input.first(n));
        if (!taken)
            return taken.error().code;
        require(h.done() || *taken == n);
        require(h.wanted() <= noise::handshake_bytes_max);
        input = input.subspan(n);
    }
    if (h.done())
        require(noise::is_signed(h.remote(), h.remote_static()));
    return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const byte_view input = std::as_bytes(std::span{data + 1, size - 1});
    const auto role = data[0] % 2 == 0 ? noise::role::initiator : noise::role::responder;
    require(play(role, input, size) == play(role, input, 1 + data[0] / 2));

    if (const auto p = noise::decode_payload(input))
        require(!noise::is_signed(*p, filled(9)) && p->muxers.size() <= noise::muxers_max);
    const auto zero = filled(0);
    noise::transport t({crypto::chacha20_poly1305(zero), crypto::chacha20_poly1305(zero)});
    bytes frame = to_bytes(input);
    if (const auto opened = t.open(frame); opened && *opened)
        require((*opened)->size <= frame.size());
    return 0;
}
