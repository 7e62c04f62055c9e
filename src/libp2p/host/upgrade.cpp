#include "libp2p/host/upgrade.hpp"

#include "libp2p/multistream/negotiation.hpp"

namespace dm::host {
namespace {

using multistream::negotiation;

constexpr const char* noise_protocol = "/noise";
constexpr const char* yamux_protocol = "/yamux/1.0.0";

negotiation start(noise::role role, const char* protocol) {
    if (role == noise::role::initiator)
        return negotiation::propose({protocol});
    return negotiation::answer([protocol](const std::string& p) { return p == protocol; });
}

template <class Core>
awaitable<void> send_pending(wire& w, Core& core) {
    while (!core.pending().empty()) {
        auto data = to_bytes(core.pending());
        co_await w.write(data);
        core.sent(data.size());
    }
}

/// Plays one core to its end, reading not a byte more than it needs.
template <class Core>
awaitable<void> play(wire& w, Core& core) {
    co_await send_pending(w, core);
    while (const auto n = core.wanted()) {
        bytes data(n);
        co_await w.read_exactly(data);
        value_or_throw(core.feed(data));
        co_await send_pending(w, core);
    }
}

awaitable<bytes> read_frame(secured& s) {
    bytes frame(2);
    co_await s.carrier.read_exactly(frame);
    frame.resize(2u + static_cast<std::size_t>(to_u8(frame[0]) << 8 | to_u8(frame[1])));
    co_await s.carrier.read_exactly(std::span(frame).subspan(2));
    const auto opened = value_or_throw(s.cipher.open(frame));
    co_return to_bytes(byte_view(opened->plain));
}

awaitable<void> send_pending(secured& s, negotiation& core) {
    if (core.pending().empty())
        co_return;
    bytes frame(core.pending().size() + noise::frame_overhead);
    s.cipher.seal(core.pending(), frame);
    core.sent(core.pending().size());
    co_await s.carrier.write(frame);
}

awaitable<void> agree_on_muxer(secured& s, noise::role role) {
    auto core = start(role, yamux_protocol);
    co_await send_pending(s, core);
    while (!core.chosen()) {
        const auto data = co_await read_frame(s);
        const auto taken = value_or_throw(core.feed(data));
        s.early = to_bytes(byte_view(data).subspan(taken));
        co_await send_pending(s, core);
    }
}

}  // namespace

awaitable<secured> upgrade(std::unique_ptr<aio::byte_stream> carrier, noise::role role,
                           const upgrade_options& options,
                           std::optional<multiformats::peer_id> expected, network_key dial_with) {
    wire w(std::move(carrier));
    if (options.network && options.former_network && role == noise::role::responder)
        co_await w.protect_with_either(*options.network, *options.former_network);
    else if (options.network)
        co_await w.protect(dial_with == network_key::former
                               ? options.former_network.value_or(*options.network)
                               : *options.network);
    auto security = start(role, noise_protocol);
    co_await play(w, security);
    noise::handshake handshake(role, options.local, crypto::x25519_key::generate(),
                               std::move(expected));
    co_await play(w, handshake);
    const auto muxer = handshake.muxer();
    const auto peer = handshake.remote_id();
    secured out{std::move(w), noise::transport(handshake.split()), peer, {}};
    if (!muxer)
        co_await agree_on_muxer(out, role);
    co_return out;
}

}  // namespace dm::host
