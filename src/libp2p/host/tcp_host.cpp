#include "libp2p/host/tcp_host.hpp"

#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>

#include "aio/reason.hpp"
#include "aio/tcp.hpp"
#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/host/negotiate.hpp"
#include "libp2p/host/probe.hpp"

namespace dm::host {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::size_t banned_max = 1024;

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

tcp_host::link::link(executor ex, aio::pool& workers, secured from, dm::host::direction d,
                     multiaddr where, yamux::window_budget& budget, yamux::rate_bucket& uploads,
                     const yamux::options& options)
    : conn(std::move(ex), workers, std::move(from),
           d == direction::outgoing ? yamux::role::client : yamux::role::server, budget, uploads,
           options),
      remote(std::move(where)),
      direction(d),
      last_busy(now()) {}

tcp_host::tcp_host(executor ex, aio::pool& workers, crypto::private_key identity,
                   const tcp_host_options& options)
    : host(peer_id(identity.public_key())),
      executor_(ex),
      workers_(workers),
      identity_(std::move(identity)),
      options_(options),
      upgrade_{{identity_, crypto::x25519_key::generate(), {"/yamux/1.0.0"}},
               options.network,
               options.former_network},
      record_sequence_(static_cast<std::uint64_t>(
          std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1))),
      push_wanted_(ex),
      dial_permits_(ex, options.dials_max),
      group_(ex) {
    serve_builtin();
}

tcp_host::~tcp_host() = default;

void tcp_host::listen(const multiaddr& address) {
    const auto endpoint = to_endpoint(address);
    if (!endpoint || address.peer())
        raise(errc::bad_address,
              address.to_string() + " cannot be listened on: write /ip4/0.0.0.0/tcp/33123");
    acceptors_.push_back(aio::listen(executor_, *endpoint));
}

void tcp_host::start() {
    for (auto& a : acceptors_)
        group_.spawn("accept", accept_loop(&a));
    group_.spawn("upkeep", upkeep_loop());
    group_.spawn("identify push", push_loop());
}

awaitable<void> tcp_host::stop() {
    stopping_ = true;
    for (auto& a : acceptors_) {
        boost::system::error_code ignored;
        a.close(ignored);
    }
    co_await group_.stop();
}

void tcp_host::change_network(const pnet::swarm_key& network,
                              const std::optional<pnet::swarm_key>& former) noexcept {
    upgrade_.network = network;
    upgrade_.former_network = former;
}

awaitable<void> tcp_host::accept_loop(tcp::acceptor* from) {
    for (;;) {
        auto [code, socket] = co_await from->async_accept(asio::as_tuple(use_awaitable));
        if (code == asio::error::operation_aborted)
            co_return;
        if (code) {
            // Out of descriptors, most likely: others have to end first.
            log::warn("cannot accept peers", {{"reason", code.message()}});
            co_await aio::sleep_for(accept_pause);
            continue;
        }
        boost::system::error_code gone;
        const auto remote = socket.remote_endpoint(gone);
        if (gone)
            continue;
        if (!is_welcome(remote.address())) {
            count_refused("limit");
            continue;
        }
        group_.spawn("welcome", welcome(std::move(socket)));
    }
}

/// Whether one more may come in, from there.
bool tcp_host::is_welcome(const asio::ip::address& from) const {
    if (handshake_count_ >= options_.handshakes_max ||
        links_.size() + handshake_count_ >= options_.connections_max)
        return false;
    const auto pending = handshakes_.find(from);
    const auto shaking = pending == handshakes_.end() ? 0 : pending->second;
    if (shaking >= options_.handshakes_of_address_max)
        return false;
    const auto there = std::ranges::count_if(links_, [&](const link& l) {
        const auto e = to_endpoint(l.remote);
        return l.direction == direction::incoming && e && e->address() == from;
    });
    return static_cast<std::size_t>(there) + shaking < options_.connections_of_address_max;
}

awaitable<void> tcp_host::welcome(tcp::socket socket) {
    const auto endpoint = socket.remote_endpoint();
    struct count {
        tcp_host& host;
        asio::ip::address address;
        count(tcp_host& h, asio::ip::address a) : host(h), address(std::move(a)) {
            ++host.handshake_count_;
            ++host.handshakes_[address];
        }
        ~count() {
            --host.handshake_count_;
            if (--host.handshakes_[address] == 0)
                host.handshakes_.erase(address);
        }
    };
    std::optional<secured> fresh;
    try {
        const count under_way(*this, endpoint.address());
        fresh = co_await aio::with_timeout(
            upgrade(prepare(std::move(socket), workers_), noise::role::responder, upgrade_, {}),
            options_.handshake_timeout);
        adopt(*std::move(fresh), direction::incoming, to_multiaddr(endpoint));
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        count_refused(error_of(e).name());
        log::debug("peer refused",
                   {{"address", aio::to_string(endpoint)}, {"reason", aio::reason_of(e)}});
    }
}

/// Throws why a connection to this peer may not be, whoever began it.
void tcp_host::admit(const peer_id& peer) const {
    if (stopping_)
        raise(errc::connection_lost);
    if (peer == self())
        raise(errc::is_self);
    if (is_banned(peer))
        raise(errc::banned);
    const auto known = peers_.find(peer);
    if (links_.size() >= options_.connections_max ||
        (known != peers_.end() && known->second.links.size() >= options_.connections_of_peer_max))
        raise(errc::too_many);
}

void tcp_host::adopt(secured fresh, dm::host::direction d, const multiaddr& remote) {
    const auto peer = fresh.peer;
    admit(peer);
    auto& l = links_.emplace_back(executor_, workers_, std::move(fresh), d, remote, budget_,
                                  uploads_, options_.yamux);
    auto& state = peers_[peer];
    state.links.push_back(&l);
    note_connections(links_.size());
    group_.spawn("identify", identify_peer(&l));  // starts first, while the link is there for sure
    group_.spawn("connection", serve_link(&l));
    if (state.links.size() == 1)
        tell(peer_event::kind::connected, peer, state);
}

awaitable<void> tcp_host::serve_link(link* l) {
    std::string reason = "closed";
    try {
        co_await l->conn.run([this, l](std::unique_ptr<channel> fresh) {
            group_.spawn("stream", serve_stream(std::move(fresh), l->conn.peer(), l->remote));
        });
    } catch (const std::exception& e) {
        reason = aio::reason_of(e);
    }
    log::debug("connection ended", {{"peer", l->conn.peer().to_string()}, {"reason", reason}});
    remove(l);
}

void tcp_host::remove(link* l) {
    const auto peer = l->conn.peer();
    const auto state = peers_.find(peer);
    std::erase(state->second.links, l);
    state->second.sent_bytes += l->conn.sent_bytes();
    state->second.received_bytes += l->conn.received_bytes();
    const auto remote = l->remote;
    links_.remove_if([l](const link& other) { return &other == l; });
    note_connections(links_.size());
    if (!state->second.links.empty())
        return;
    auto info = info_of(peer, state->second);
    info.remote = remote;
    peers_.erase(state);
    events().tell({peer_event::kind::disconnected, info});
}

awaitable<void> tcp_host::serve_stream(std::unique_ptr<channel> from, peer_id peer,
                                       multiaddr remote) {
    try {
        auto protocol = co_await aio::with_timeout(
            answer(*from, [this](const std::string& p) { return handlers().contains(p); }),
            options_.negotiation_timeout);
        const auto handler = handlers().find(protocol);
        if (handler == handlers().end())
            raise(errc::protocol_refused);
        const auto serve = handler->second;  // may be replaced meanwhile
        co_await serve(inbound{std::move(from), std::move(protocol), peer, std::move(remote)});
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("stream ended", {{"peer", peer.to_string()}, {"reason", aio::reason_of(e)}});
    }
}

/// Of two connections between the same peers both sides prefer the same one: that which the peer
/// with the smaller id has dialled.
tcp_host::link* tcp_host::preferred(const peer_id& peer) const {
    const auto state = peers_.find(peer);
    if (state == peers_.end())
        return nullptr;
    const auto wanted = self() < peer ? direction::outgoing : direction::incoming;
    link* out = nullptr;
    for (auto* l : state->second.links)
        if (!l->conn.closed() && (!out || (out->direction != wanted && l->direction == wanted)))
            out = l;
    return out;
}

awaitable<opened> tcp_host::open(const peer_id& peer, std::vector<std::string> protocols) {
    co_await connect(peer, {});
    auto* const l = preferred(peer);
    if (!l)
        raise(errc::connection_lost);
    auto fresh = co_await l->conn.open();
    const auto state = peers_.find(peer);
    const auto& known =
        state == peers_.end() ? std::vector<std::string>{} : state->second.protocols;
    if (std::ranges::find(known, protocols.front()) != known.end()) {
        // It will say yes: the answer is read along with the data.
        auto core = multistream::negotiation::propose({protocols.front()});
        fresh->expect(to_bytes(core.pending()));  // the answer repeats what is sent
        co_await fresh->write(core.pending());
        co_return opened{std::move(fresh), protocols.front()};
    }
    auto chosen = co_await aio::with_timeout(propose(*fresh, std::move(protocols)),
                                             options_.negotiation_timeout);
    co_return opened{std::move(fresh), std::move(chosen)};
}

void tcp_host::disconnect(const peer_id& peer) {
    const auto state = peers_.find(peer);
    if (state == peers_.end())
        return;
    for (auto* l : state->second.links)
        l->conn.close();
}

bool tcp_host::is_banned(const peer_id& peer) const {
    const auto b = banned_.find(peer);
    return b != banned_.end() && b->second.until > now();
}

void tcp_host::ban(const peer_id& peer, std::string why,
                   std::chrono::steady_clock::duration duration) {
    log::info("peer banned", {{"peer", peer.to_string()}, {"reason", why}});
    if (banned_.size() >= banned_max && !banned_.contains(peer))
        banned_.erase(std::ranges::min_element(banned_, {},
                                               [](const auto& item) { return item.second.until; }));
    auto& known = banned_[peer];
    if (const auto until = now() + duration; known.until < until)
        known = {until, std::move(why)};
    disconnect(peer);
}

void tcp_host::add_addresses(const peer_id& peer, std::span<const multiaddr> addresses,
                             std::chrono::steady_clock::duration ttl) {
    if (peer == self())
        return;
    const auto expires = std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(ttl);
    for (const auto& a : addresses)
        if (is_dialable(a) && (!a.peer() || *a.peer() == peer))
            book_.add(peer, a, expires);
}

void tcp_host::limit_rates(std::uint64_t upload_bytes_per_second,
                           std::uint64_t download_bytes_per_second) noexcept {
    uploads_.set_rate(now(), upload_bytes_per_second);
    budget_.limit_rate(now(), download_bytes_per_second);
}

std::vector<multiaddr> tcp_host::addresses_of(const peer_id& peer) const {
    return book_.addresses_of(peer, std::chrono::system_clock::now());
}

std::vector<multiaddr> tcp_host::addresses() const {
    std::vector<multiaddr> out;
    for (const auto& a : acceptors_) {
        boost::system::error_code closed;
        const auto bound = a.local_endpoint(closed);
        if (closed)
            continue;
        auto some = interface_addresses(bound);
        std::ranges::move(some, std::back_inserter(out));
    }
    return out;
}

peer_info tcp_host::info_of(const peer_id& peer, const peer_state& state) const {
    peer_info out{.id = peer,
                  .remote = {},
                  .direction = direction::outgoing,
                  .agent = state.agent,
                  .protocols = state.protocols,
                  .listen_addresses = state.listen_addresses,
                  .round_trip = {},
                  .sent_bytes = state.sent_bytes,
                  .received_bytes = state.received_bytes};
    for (const auto* l : state.links) {
        out.sent_bytes += l->conn.sent_bytes();
        out.received_bytes += l->conn.received_bytes();
    }
    const auto* l = preferred(peer);
    if (!l && !state.links.empty())
        l = state.links.front();
    if (l) {
        out.remote = l->remote;
        out.direction = l->direction;
        out.round_trip = l->conn.round_trip();
    }
    return out;
}

void tcp_host::tell(peer_event::kind what, const peer_id& peer, const peer_state& state) {
    const auto info = info_of(peer, state);
    events().tell({what, info});
}

std::vector<peer_info> tcp_host::peers() const {
    std::vector<peer_info> out;
    for (const auto& [id, state] : peers_)
        out.push_back(info_of(id, state));
    return out;
}

std::optional<peer_info> tcp_host::find(const peer_id& peer) const {
    const auto state = peers_.find(peer);
    if (state == peers_.end())
        return std::nullopt;
    return info_of(peer, state->second);
}

awaitable<void> tcp_host::upkeep_loop() {
    for (;;) {
        co_await aio::sleep_for(options_.upkeep_interval);
        prune(now());
        book_.forget_expired(std::chrono::system_clock::now());
        std::erase_if(banned_, [](const auto& item) { return item.second.until <= now(); });
    }
}

void tcp_host::prune(steady_time at) {
    std::vector<link*> idle;
    for (auto& l : links_) {
        if (l.conn.stream_count() > 0)
            l.last_busy = at;
        else if (&l != preferred(l.conn.peer()) && at - l.last_busy >= options_.duplicate_grace)
            l.conn.close();
        else if (at - l.last_busy >= options_.idle_grace)
            idle.push_back(&l);
    }
    if (links_.size() <= options_.connections_high)
        return;
    std::ranges::sort(idle, {}, &link::last_busy);
    auto left = links_.size();
    for (auto* l : idle) {
        if (left-- <= options_.connections_low)
            break;
        l->conn.close();
    }
}

}  // namespace dm::host
