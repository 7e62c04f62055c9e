#include "libp2p/host/ping.hpp"

#include <algorithm>

#include "aio/timeout.hpp"
#include "crypto/random.hpp"

namespace dm::host {
namespace {

constexpr std::chrono::seconds quiet_max{60};
constexpr std::chrono::seconds answer_max{20};

using message = std::array<std::byte, ping_bytes>;

/// False at the end of the stream; throws within a message.
awaitable<bool> read_message(aio::byte_stream& from, message& into) {
    std::size_t have = 0;
    while (have < into.size()) {
        const auto n = co_await from.read_some(std::span(into).subspan(have));
        if (n == 0 && have == 0)
            co_return false;
        if (n == 0)
            raise(aio::errc::end_of_stream);
        have += n;
    }
    co_return true;
}

}  // namespace

awaitable<void> serve_ping(inbound in) {
    message m;
    while (co_await aio::with_timeout(read_message(*in.channel, m), quiet_max))
        co_await aio::with_timeout(in.channel->write(m), quiet_max);
}

awaitable<std::chrono::steady_clock::duration> ping(host& via, peer_id peer) {
    auto [channel, protocol] = co_await via.open(peer, {ping_protocol});
    message sent;
    crypto::fill_random(sent);
    const auto start = std::chrono::steady_clock::now();
    co_await aio::with_timeout(channel->write(sent), answer_max);
    message got;
    if (!co_await aio::with_timeout(read_message(*channel, got), answer_max) || got != sent)
        raise(errc::protocol_refused, "the peer does not send back what it was sent");
    co_return std::chrono::steady_clock::now() - start;
}

}  // namespace dm::host
