#include "libp2p/host/bootstrap.hpp"

#include <fmt/format.h>

#include <set>

#include "aio/reason.hpp"
#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/host/net_address.hpp"

namespace dm::host {

result<known_peer> parse_known_peer(std::string_view text) {
    const auto address = multiformats::parse_multiaddr(text);
    const auto id = address ? address->peer() : std::nullopt;
    if (!id || !is_dialable(*address))
        return fail(errc::bad_address,
                    fmt::format("\"{}\" is no address of a peer: write /ip4/192.0.2.10/tcp/33123/"
                                "p2p/ and its id, as it prints it at its start",
                                text));
    return known_peer{*id, address->without_peer()};
}

bootstrap::bootstrap(executor ex, host& via, std::vector<known_peer> peers)
    : host_(via), peers_(std::move(peers)), group_(std::move(ex)) {}

void bootstrap::start() {
    std::set<peer_id> all;
    for (const auto& p : peers_) {
        host_.add_addresses(p.id, std::span(&p.address, 1), permanent_address);
        all.insert(p.id);
    }
    all.erase(host_.self());
    for (const auto& id : all)
        group_.spawn("bootstrap", keep(id));
}

awaitable<void> bootstrap::keep(peer_id peer) {
    bool told = false;
    for (;;) {
        try {
            co_await host_.connect(peer, {});
            told = false;
        } catch (const std::exception& e) {
            if (aio::is_cancelled(e))
                throw;
            // Once for each outage; the attempts go on.
            if (!std::exchange(told, true))
                log::warn("known peer cannot be reached",
                          {{"peer", peer.to_string()}, {"reason", aio::reason_of(e)}});
        }
        co_await aio::sleep_for(check_interval);
    }
}

}  // namespace dm::host
