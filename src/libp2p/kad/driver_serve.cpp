#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/kad/address_filter.hpp"
#include "libp2p/kad/driver.hpp"
#include "libp2p/kad/driver_io.hpp"

/// What this node answers to others.
namespace dm::kad {
namespace {

/// Addresses of providers are kept a day, as go-libp2p-kad-dht keeps them.
constexpr std::chrono::hours provider_address_memory{24};
constexpr std::size_t answered_providers_max = 100;

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

/// In the LAN everybody is a server; in the WAN those whom everybody can reach.
void dht::choose_mode() {
    const bool should = which_ == network::lan || !own_addresses().empty();
    if (should == is_server_)
        return;
    is_server_ = should;
    if (should)
        host_.handle(protocol_, [this](host::inbound in) { return serve(std::move(in)); });
    else
        host_.stop_handling(protocol_);
}

std::vector<multiaddr> dht::own_addresses() const {
    auto out = host_.addresses();
    std::erase_if(out, [this](const multiaddr& a) { return !is_usable(a); });
    const auto is_here = [](const multiaddr& a) { return reach_of(a) == reach::loopback; };
    if (!std::ranges::all_of(out, is_here))
        std::erase_if(out, is_here);
    return out;
}

awaitable<void> dht::serve(host::inbound in) {
    message_reader reader(*in.channel, request_bytes_max);
    for (;;) {
        const auto m = co_await aio::with_timeout(reader.next(), options_.idle_timeout);
        if (!m)
            co_return;
        if (const auto reply = answer(in, *m))
            co_await aio::with_timeout(write_message(*in.channel, *reply),
                                       options_.request_timeout);
    }
}

/// nullopt: there is no answer to this kind. Throws when the stream is to be reset.
std::optional<message> dht::answer(const host::inbound& from, const message& m) {
    if (m.type == message_type::ping)
        return m;
    if (m.key.empty() || (m.type != message_type::find_node && m.key.size() > key_bytes_max))
        raise(errc::malformed_message, "key");
    switch (m.type) {
        case message_type::find_node:
            return answer_find_node(from, m);
        case message_type::get_providers:
            return answer_get_providers(from, m);
        case message_type::add_provider:
            take_providers(from, m);
            return std::nullopt;
        case message_type::get_value:
            return message{.type = m.type, .key = m.key, .closer = closer_to(from, m.key)};
        default:
            raise(errc::refused, "values are not stored");
    }
}

/// Addresses of the network's kind; those on this machine only for who is on it, too.
std::vector<multiaddr> dht::addresses_for(const peer_id& peer, const host::inbound& reader) const {
    auto out = peer == host_.self() ? host_.addresses() : host_.addresses_of(peer);
    const bool is_here = reach_of(reader.remote) == reach::loopback;
    std::erase_if(out, [&](const multiaddr& a) {
        return !is_usable(a) || (!is_here && reach_of(a) == reach::loopback);
    });
    if (out.size() > addresses_max)
        out.resize(addresses_max);
    return out;
}

std::vector<peer_info> dht::closer_to(const host::inbound& from, byte_view key_bytes) const {
    std::vector<peer_info> out;
    for (const auto& id : table_.closest(key_of(key_bytes), bucket_peers_max + 1)) {
        if (id == from.peer || out.size() == bucket_peers_max)
            continue;
        auto addresses = addresses_for(id, from);
        if (!addresses.empty())
            out.push_back({id, std::move(addresses),
                           host_.find(id) ? connection::connected : connection::can_connect});
    }
    return out;
}

message dht::answer_find_node(const host::inbound& from, const message& m) {
    message reply{.type = m.type, .key = m.key, .closer = closer_to(from, m.key)};
    const auto target = peer_id::from_bytes(m.key);
    if (!target)
        return reply;
    std::erase_if(reply.closer, [&](const peer_info& p) { return p.id == *target; });
    auto addresses = addresses_for(*target, from);
    if (addresses.empty())
        return reply;
    reply.closer.insert(reply.closer.begin(), {*target, std::move(addresses)});
    if (reply.closer.size() > bucket_peers_max)
        reply.closer.pop_back();
    return reply;
}

message dht::answer_get_providers(const host::inbound& from, const message& m) {
    message reply{.type = m.type, .key = m.key, .closer = closer_to(from, m.key)};
    const auto hash = multiformats::parse_multihash(m.key);
    if (hash && provided_.contains(*hash))
        reply.providers.push_back({host_.self(), addresses_for(host_.self(), from)});
    for (const auto& id : records_.providers(now(), m.key)) {
        if (reply.providers.size() == answered_providers_max)
            break;
        reply.providers.push_back({id, addresses_for(id, from)});
    }
    return reply;
}

/// A peer speaks for itself only.
void dht::take_providers(const host::inbound& from, const message& m) {
    if (!multiformats::parse_multihash(m.key))
        raise(errc::malformed_message, "the key is no multihash");
    bool is_valid = false;
    for (const auto& p : m.providers) {
        if (p.id != from.peer || p.addresses.empty())
            continue;
        is_valid = true;
        auto addresses = p.addresses;
        std::erase_if(addresses, [this](const multiaddr& a) { return !is_usable(a); });
        if (!addresses.empty())
            host_.add_addresses(p.id, addresses, provider_address_memory);
    }
    if (!is_valid)
        raise(errc::malformed_message, "no record of the sender itself");
    records_.add(now(), m.key, from.peer);
}

}  // namespace dm::kad
