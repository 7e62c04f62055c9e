#include "libp2p/kad/driver.hpp"

#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/kad/address_filter.hpp"
#include "libp2p/kad/driver_io.hpp"

namespace dm::kad {
namespace {

/// Addresses that a lookup came upon.
constexpr std::chrono::minutes address_memory{30};

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

dht::dht(executor ex, host::host& peers, network which, std::uint64_t seed, dht_options o)
    : executor_(ex),
      host_(peers),
      which_(which),
      protocol_(which == network::lan ? lan_protocol : wan_protocol),
      options_(o),
      random_(seed),
      table_(key_of(peers.self())),
      records_(o.records),
      lookups_(ex, o.lookups_max),
      table_changed_(ex),
      provided_changed_(ex),
      group_(ex) {}

dht::~dht() = default;

void dht::start() {
    watching_.emplace(host_.events().add([this](const host::peer_event& e) {
        if (e.what == host::peer_event::kind::identified)
            note_peer(e.peer);
    }));
    choose_mode();
    for (const auto& peer : host_.peers())
        note_peer(peer);
    group_.spawn("dht refresh", keep_fresh());
    group_.spawn("dht provide", keep_providing());
}

awaitable<void> dht::stop() {
    watching_.reset();
    if (is_server_)
        host_.stop_handling(protocol_);
    co_await group_.stop();
}

bool dht::is_usable(const multiaddr& a) const {
    const auto r = reach_of(a);
    return which_ == network::wan ? r == reach::everywhere
                                  : r == reach::local || r == reach::loopback;
}

/// As go-libp2p-kad-dht: for the LAN the connection counts, for the WAN the addresses.
bool dht::is_of_network(const host::peer_info& peer) const {
    if (which_ == network::lan)
        return is_usable(peer.remote);
    return is_usable(peer.remote) ||
           std::ranges::any_of(peer.listen_addresses,
                               [this](const multiaddr& a) { return is_usable(a); });
}

void dht::note_peer(const host::peer_info& peer) {
    if (!peer.speaks(protocol_)) {
        table_.failed(peer.id);
        return;
    }
    if (!is_of_network(peer) || table_.contains(peer.id) ||
        being_tried_.size() >= options_.new_servers_max || !being_tried_.insert(peer.id).second)
        return;
    group_.spawn("dht new server", try_server(peer.id));
}

/// A server gets into the table when it has answered; what it knows around us comes with it.
awaitable<void> dht::try_server(peer_id peer) {
    try {
        const auto m = co_await request(
            peer, {.type = message_type::find_node, .key = to_bytes(host_.self().bytes())});
        take_in(m.closer);
        note_answer(peer);
    } catch (const std::exception& e) {
        being_tried_.erase(peer);
        table_changed_.notify_all();
        if (aio::is_cancelled(e))
            throw;
        log::debug("dht server does not answer",
                   {{"peer", peer.to_string()}, {"reason", e.what()}});
        co_return;
    }
    being_tried_.erase(peer);
    table_changed_.notify_all();
}

void dht::note_answer(const peer_id& peer) {
    const auto info = host_.find(peer);
    if (!info || !is_of_network(*info))
        return;
    const bool is_new = !table_.contains(peer);
    if (!table_.answered(now(), peer) || !is_new)
        return;
    if (newcomers_.size() < options_.new_servers_max)
        newcomers_.insert(peer);
    table_changed_.notify_all();
    provided_changed_.notify_all();
}

void dht::take_in(const std::vector<peer_info>& peers) {
    for (const auto& p : peers) {
        auto addresses = p.addresses;
        std::erase_if(addresses, [this](const multiaddr& a) { return !is_usable(a); });
        if (p.id != host_.self() && !addresses.empty())
            host_.add_addresses(p.id, addresses, address_memory);
    }
}

awaitable<message> dht::request(peer_id peer, message m) {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited here
    const auto talk = [&]() -> awaitable<message> {
        auto opened = co_await host_.open(peer, {protocol_});
        co_await write_message(*opened.channel, m);
        message_reader reader(*opened.channel, answer_bytes_max);
        auto reply = co_await reader.next();
        if (!reply || reply->type != m.type)
            raise(errc::malformed_message, "no answer");
        co_return *std::move(reply);
    };
    co_return co_await aio::with_timeout(talk(), options_.request_timeout);
}

awaitable<void> dht::ask(lookup& l, peer_id peer, message m, const on_answer& tell,
                         aio::event& changed) {
    try {
        const auto reply = co_await request(peer, std::move(m));
        take_in(reply.closer);
        note_answer(peer);
        std::vector<peer_id> closer;
        for (const auto& p : reply.closer)
            // Whom we cannot reach is no help.
            if (p.id != host_.self() && (host_.find(p.id) || !host_.addresses_of(p.id).empty()))
                closer.push_back(p.id);
        l.answered(peer, closer);
        if (tell)
            tell(peer, reply);
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::trace("dht request failed", {{"peer", peer.to_string()}, {"reason", e.what()}});
        table_.failed(peer);
        l.failed(peer);
    }
    changed.notify_all();
}

awaitable<void> dht::run(lookup& l, message m, on_answer tell) {
    const auto place = co_await lookups_.acquire();
    aio::task_group requests(executor_);
    aio::event changed(executor_);
    std::exception_ptr cancelled;
    try {
        while (!l.is_done()) {
            while (const auto peer = l.next())
                requests.spawn("dht request", ask(l, *peer, m, tell, changed));
            if (!l.is_done())
                co_await changed.wait();
        }
    } catch (...) {
        cancelled = std::current_exception();  // rethrown when the requests have ended
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await requests.stop();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (cancelled)
        std::rethrow_exception(cancelled);
}

/// When no server is known yet, those that are being asked for the first time are waited for.
awaitable<void> dht::first_servers() {
    while (table_.size() == 0 && !being_tried_.empty())
        co_await table_changed_.wait();
}

awaitable<peer_info> dht::find_peer(peer_id id) {
    const auto key_bytes = to_bytes(id.bytes());
    co_await first_servers();
    lookup l(key_of(id), table_.closest(key_of(id)));
    peer_info out{.id = id};
    co_await run(l, {.type = message_type::find_node, .key = key_bytes},
                 [&](const peer_id&, const message& m) {
                     for (const auto& p : m.closer)
                         if (p.id == id && !p.addresses.empty()) {
                             out.addresses = p.addresses;
                             l.stop();
                         }
                 });
    std::erase_if(out.addresses, [this](const multiaddr& a) { return !is_usable(a); });
    co_return out;
}

awaitable<void> dht::find_providers(multihash content, std::size_t count, found tell) {
    const auto key_bytes = content.to_bytes();
    std::set<peer_id> seen{host_.self()};
    std::vector<peer_id> without_address;
    const auto note = [&](peer_info p) {
        std::erase_if(p.addresses, [this](const multiaddr& a) { return !is_usable(a); });
        if (seen.size() > count || seen.contains(p.id))
            return;
        if (p.addresses.empty())
            p.addresses = host_.addresses_of(p.id);
        if (p.addresses.empty() && !host_.find(p.id)) {
            without_address.push_back(p.id);
            return;
        }
        seen.insert(p.id);
        tell(p);
    };
    co_await first_servers();
    for (const auto& id : records_.providers(now(), key_bytes))
        note({.id = id, .addresses = host_.addresses_of(id)});
    if (seen.size() > count)
        co_return;
    const auto target = key_of(byte_view(key_bytes));
    lookup l(target, table_.closest(target));
    co_await run(l, {.type = message_type::get_providers, .key = key_bytes},
                 [&](const peer_id&, const message& m) {
                     for (const auto& p : m.providers)
                         note(p);
                     if (seen.size() > count)
                         l.stop();
                 });
    for (const auto& id : without_address)
        if (seen.size() <= count && !seen.contains(id))
            note(co_await find_peer(id));
}

awaitable<void> dht::look_up_own_place() {
    const auto self = host_.self();
    lookup l(key_of(self), table_.closest(key_of(self)), {.is_thorough = true});
    co_await run(l, {.type = message_type::find_node, .key = to_bytes(self.bytes())}, {});
}

awaitable<void> dht::refresh() {
    for (const auto& peer : table_.unheard_since(now() - options_.refresh_interval)) {
        try {
            take_in((co_await request(peer, {.type = message_type::find_node,
                                             .key = to_bytes(host_.self().bytes())}))
                        .closer);
            note_answer(peer);
        } catch (const std::exception& e) {
            if (aio::is_cancelled(e))
                throw;
            table_.failed(peer);
        }
    }
    co_await look_up_own_place();
    for (const auto& target : table_.refresh_targets(random_)) {
        lookup l(key_of(target), table_.closest(key_of(target)));
        co_await run(l, {.type = message_type::find_node, .key = to_bytes(target.bytes())}, {});
    }
}

awaitable<void> dht::keep_fresh() {
    for (;;) {
        while (table_.size() == 0)
            co_await table_changed_.wait();
        co_await aio::sleep_for(options_.bootstrap_delay);
        co_await refresh();
        if (table_.size() == 0)
            continue;
        co_await aio::sleep_for(options_.refresh_interval);
        choose_mode();
        records_.expire(now());
    }
}

}  // namespace dm::kad
