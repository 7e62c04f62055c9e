#include <algorithm>

#include "aio/reason.hpp"
#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/host/negotiate.hpp"
#include "libp2p/host/ping.hpp"
#include "libp2p/host/tcp_host.hpp"
#include "libp2p/identify/peer_record.hpp"

namespace dm::host {
namespace {

constexpr const char* identify_protocol = "/ipfs/id/1.0.0";
constexpr const char* push_protocol = "/ipfs/id/push/1.0.0";
constexpr const char* protocol_version = "ipfs/0.1.0";

constexpr std::chrono::seconds identify_timeout{15};
/// Changes that come together are told together.
constexpr std::chrono::milliseconds push_delay{100};
constexpr std::size_t pushes_at_once_max = 16;
/// Messages stay short enough for readers with a small buffer.
constexpr std::size_t plain_message_bytes_max = 2048;
/// What a peer says about itself holds for so long after its connection has ended.
constexpr std::chrono::hours said_address{24};

awaitable<identify::message> read_messages(stream& from) {
    identify::message out;
    for (std::size_t i = 0; i < identify::messages_max; ++i) {
        const auto data = co_await read_message(from, identify::message_bytes_max);
        if (!data)
            co_return out;
        value_or_throw(identify::merge(out, *data));
    }
    co_return out;
}

awaitable<void> write_messages(stream& to, identify::message m) {
    auto record = std::move(m.signed_record);
    m.signed_record.clear();
    auto plain = identify::encode(m);
    if (plain.size() + record.size() <= plain_message_bytes_max) {
        m.signed_record = std::move(record);
        plain = identify::encode(m);
        co_await write_message(to, std::move(plain));
    } else {
        co_await write_message(to, std::move(plain));
        identify::message rest;
        rest.agent = m.agent;
        rest.protocol_version = m.protocol_version;
        rest.signed_record = std::move(record);
        co_await write_message(to, identify::encode(rest));
    }
    to.shutdown_write();
}

}  // namespace

void tcp_host::serve_builtin() {
    handle(identify_protocol, [this](inbound in) -> awaitable<void> {
        return [](tcp_host& host, inbound on) -> awaitable<void> {
            co_await aio::with_timeout(write_messages(*on.channel, host.describe(on.remote)),
                                       identify_timeout);
        }(*this, std::move(in));
    });
    handle(push_protocol, [this](inbound in) -> awaitable<void> {
        return [](tcp_host& host, inbound on) -> awaitable<void> {
            auto said = co_await aio::with_timeout(read_messages(*on.channel), identify_timeout);
            host.learn(on.peer, on.remote, std::move(said));
        }(*this, std::move(in));
    });
    handle(ping_protocol, serve_ping);
    push_due_ = false;
}

identify::message tcp_host::describe(const multiaddr& remote) const {
    identify::message out;
    out.public_key = multiformats::marshal(identity_.public_key());
    out.listen_addresses = usable_from(remote, addresses());
    for (const auto& [protocol, handler] : handlers())
        out.protocols.push_back(protocol);
    out.observed = remote;
    out.protocol_version = protocol_version;
    out.agent = options_.agent;
    out.signed_record = identify::seal(identity_, record_sequence_, out.listen_addresses);
    return out;
}

awaitable<void> tcp_host::identify_peer(link* l) {
    const auto peer = l->conn.peer();
    const auto remote = l->remote;
    try {
        auto channel = co_await l->conn.open();
        auto said = co_await aio::with_timeout(
            [](stream& on) -> awaitable<identify::message> {
                co_await propose(on, {identify_protocol});
                on.shutdown_write();
                co_return co_await read_messages(on);
            }(*channel),
            identify_timeout);
        learn(peer, remote, std::move(said));
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("peer not identified",
                   {{"peer", peer.to_string()}, {"reason", aio::reason_of(e)}});
    }
}

void tcp_host::learn(const peer_id& peer, const multiaddr& remote, identify::message said) {
    const auto state = peers_.find(peer);
    if (state == peers_.end())
        return;
    auto& s = state->second;
    auto addresses = std::move(said.listen_addresses);
    if (!said.signed_record.empty())
        if (auto record = identify::open(said.signed_record); record && record->peer == peer)
            addresses = std::move(record->addresses);
    addresses = usable_from(remote, addresses);
    add_addresses(peer, addresses, said_address);
    s.agent = std::move(said.agent);
    s.protocols = std::move(said.protocols);
    s.listen_addresses = std::move(addresses);
    s.identified = true;
    tell(peer_event::kind::identified, peer, s);
}

void tcp_host::protocols_changed() {
    push_due_ = true;
    push_wanted_.notify_all();
}

awaitable<void> tcp_host::push_loop() {
    for (;;) {
        while (!push_due_)
            co_await push_wanted_.wait();
        co_await aio::sleep_for(push_delay);
        push_due_ = false;
        record_sequence_ = std::max(
            record_sequence_ + 1,
            static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                       std::chrono::nanoseconds(1)));
        std::vector<peer_id> all;
        for (const auto& [id, state] : peers_)
            if (std::ranges::find(state.protocols, push_protocol) != state.protocols.end())
                all.push_back(id);
        for (std::size_t i = 0; i < all.size(); i += pushes_at_once_max) {
            std::vector<awaitable<void>> some;
            for (auto j = i; j < std::min(all.size(), i + pushes_at_once_max); ++j)
                some.push_back(push_to(all[j]));
            co_await aio::all_of(std::move(some));
        }
    }
}

awaitable<void> tcp_host::push_to(peer_id peer) {
    auto* const l = preferred(peer);
    if (!l)
        co_return;
    const auto remote = l->remote;
    try {
        auto channel = co_await l->conn.open();
        co_await aio::with_timeout(
            [](stream& on, identify::message m) -> awaitable<void> {
                co_await propose(on, {push_protocol});
                co_await write_messages(on, std::move(m));
            }(*channel, describe(remote)),
            identify_timeout);
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("cannot push identify",
                   {{"peer", peer.to_string()}, {"reason", aio::reason_of(e)}});
    }
}

}  // namespace dm::host
