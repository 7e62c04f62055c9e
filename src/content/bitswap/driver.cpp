#include "content/bitswap/driver.hpp"

#include <algorithm>
#include <cassert>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "content/bitswap/driver_connection.hpp"
#include "content/bitswap/probe.hpp"
#include "multiformats/delimited.hpp"

namespace dm::bitswap {
namespace {

constexpr std::size_t read_bytes = 32 * 1024;
/// A message over this size is read only when there is room for a large one.
constexpr std::size_t large_message_bytes = 64 * 1024;
/// A message over this size may come only from whom we have asked for blocks.
constexpr std::size_t unasked_message_bytes_max = 512 * 1024;
/// Blocks up to this size are hashed on the loop: a turn of the pool would take longer.
constexpr std::size_t hash_here_bytes = 4 * 1024;
/// A stream on which nothing comes for so long is given up.
constexpr std::chrono::minutes inbound_idle{2};
constexpr std::chrono::milliseconds tick_interval{50};

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

exchange::exchange(executor ex, aio::pool& workers, host::host& peers, blockstore& store,
                   provider_search search, exchange_options o)
    : executor_(ex),
      workers_(workers),
      host_(peers),
      store_(store),
      search_(std::move(search)),
      options_(o),
      server_(o.server),
      large_messages_(ex, o.large_messages_max),
      searches_(ex, o.searches_max),
      peers_changed_(ex),
      activity_(ex),
      group_(ex) {}

exchange::~exchange() {
    assert(connections_.empty() && "the exchange is stopped before it is destroyed");
}

void exchange::start() {
    watching_.emplace(host_.events().add([this](const host::peer_event& e) {
        if (e.what == host::peer_event::kind::identified)
            note_peer(e.peer);
        else if (e.what == host::peer_event::kind::disconnected)
            drop(e.peer.id);
    }));
    for (const auto* protocol : {protocol_1_2, protocol_1_1})
        host_.handle(protocol, [this](host::inbound in) { return serve(std::move(in)); });
    for (const auto& peer : host_.peers())
        note_peer(peer);
    group_.spawn("bitswap clock", tick());
}

awaitable<void> exchange::stop() {
    is_stopping_ = true;
    watching_.reset();
    for (const auto* protocol : {protocol_1_2, protocol_1_1})
        host_.stop_handling(protocol);
    while (!connections_.empty())
        drop(peer_id(connections_.begin()->first));
    group_.cancel();
    co_await group_.join();
}

exchange::connection* exchange::find(const peer_id& peer) const {
    const auto it = connections_.find(peer);
    return it == connections_.end() ? nullptr : it->second.get();
}

exchange::connection& exchange::connection_of(const peer_id& peer, bool has_presence) {
    if (auto* known = find(peer))
        return *known;
    auto& c = *connections_.emplace(peer, std::make_unique<connection>(executor_, peer, options_))
                   .first->second;
    c.has_presence = has_presence;
    c.tasks.spawn("bitswap wants", send_wants(c));
    for (auto* l : std::vector(listeners_))
        l->on_peer(peer, true, has_presence);
    peers_changed_.notify_all();
    return c;
}

void exchange::note_peer(const host::peer_info& peer) {
    if (peer.speaks(protocol_1_2) || peer.speaks(protocol_1_1))
        connection_of(peer.id, peer.speaks(protocol_1_2));
    else
        drop(peer.id);
    peers_changed_.notify_all();
}

void exchange::drop(const peer_id& peer) {
    const auto it = connections_.find(peer);
    if (it == connections_.end())
        return;
    auto c = std::move(it->second);
    connections_.erase(it);
    server_.peer_gone(peer);
    c->is_gone = true;
    for (auto* l : std::vector(listeners_))
        l->on_peer(peer, false, c->has_presence);
    for (auto* stream : c->inbound)
        stream->reset();
    c->tasks.cancel();
    group_.spawn("bitswap peer's end", reap(std::move(c)));
}

/// Tasks of ours and of the host may still be using it.
awaitable<void> exchange::reap(std::unique_ptr<connection> c) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await c->tasks.join();
    while (c->users > 0)
        co_await c->unused.wait_regardless();
}

void exchange::add(want_listener& l) {
    listeners_.push_back(&l);
    for (const auto& [peer, c] : connections_)
        l.on_peer(peer, true, c->has_presence);
}

void exchange::remove(want_listener& l) {
    std::erase(listeners_, &l);
    for (const auto& [peer, c] : connections_) {
        for (auto it = c->askers.begin(); it != c->askers.end();) {
            std::erase(it->second, &l);
            if (it->second.empty()) {
                c->wants.cancel(it->first);
                it = c->askers.erase(it);
            } else {
                ++it;
            }
        }
        c->wants_changed.notify_all();
    }
}

void exchange::ask(want_listener& l, const peer_id& peer, const cid& id, want_type type,
                   std::int32_t priority) {
    auto* c = find(peer);
    if (!c)
        return;
    auto& askers = c->askers[id];
    if (std::ranges::find(askers, &l) == askers.end())
        askers.push_back(&l);
    c->wants.ask(now(), id, type, priority);
    c->wants_changed.notify_all();
    wake();
}

void exchange::cancel(want_listener& l, const peer_id& peer, const cid& id) {
    auto* c = find(peer);
    if (!c)
        return;
    const auto it = c->askers.find(id);
    if (it == c->askers.end() || std::erase(it->second, &l) == 0 || !it->second.empty())
        return;
    c->askers.erase(it);
    c->wants.cancel(id);
    c->wants_changed.notify_all();
}

std::vector<exchange_peer> exchange::peers() const {
    std::vector<exchange_peer> out;
    for (const auto& [id, c] : connections_)
        out.push_back({.id = id,
                       .has_presence = c->has_presence,
                       .sent = server_.ledger(id),
                       .received_bytes = c->received_bytes,
                       .received_blocks = c->received_blocks,
                       .wants = c->wants.size()});
    return out;
}

awaitable<void> exchange::serve(host::inbound in) {
    if (is_stopping_)
        raise(errc::stopped);
    auto& c = connection_of(in.peer, in.protocol == protocol_1_2);
    const use keep(c, *in.channel);
    co_await read_messages(c, *in.channel);
}

awaitable<void> exchange::read_messages(connection& c, host::stream& from) {
    multiformats::delimited_reader reader(message_bytes_max);
    bytes buffer(read_bytes);
    std::optional<aio::limiter::permit> of_peer;
    std::optional<aio::limiter::permit> of_all;
    for (;;) {
        const auto n = co_await aio::with_timeout(from.read_some(buffer), inbound_idle);
        if (c.is_gone)
            raise(errc::stopped);
        if (n == 0 && !reader.is_between_messages())
            raise(errc::malformed_message, "the stream ends within a message");
        if (n == 0)
            co_return;
        c.wants.received(now(), n);
        auto piece = byte_view(buffer).first(n);
        while (!piece.empty()) {
            piece = piece.subspan(value_or_throw(reader.feed(piece)));
            if (auto message = reader.take()) {
                co_await take(c, *std::move(message));
                of_all.reset();
                of_peer.reset();
            }
        }
        const auto announced = reader.announced_bytes();
        if (announced > unasked_message_bytes_max && c.wants.size() == 0)
            raise(errc::malformed_message, "a large message that nobody asked for");
        if (announced > large_message_bytes && !of_all) {
            of_peer.emplace(co_await c.large_messages.acquire());
            of_all.emplace(co_await large_messages_.acquire());
        }
    }
}

awaitable<void> exchange::take(connection& c, bytes wire) {
    auto m = value_or_throw(decode_message(wire));
    take_presences(c, m.presences);
    for (const auto& b : m.blocks) {
        co_await take_block(c, b);
        if (c.is_gone)
            raise(errc::stopped);
    }
    if (m.full || !m.wants.empty())
        co_await take_wants(c, std::move(m.wants), m.full);
}

awaitable<void> exchange::take_wants(connection& c, std::vector<want> wants, bool full) {
    const auto turn = co_await c.lookups.acquire();
    if (c.is_gone)
        raise(errc::stopped);
    auto unknown = server_.receive(c.id, wants, full);
    pump();
    if (unknown.empty())
        co_return;
    const auto sizes = co_await store_.sizes(unknown);
    if (c.is_gone)
        raise(errc::stopped);
    for (std::size_t i = 0; i < unknown.size(); ++i)
        server_.looked_up(c.id, unknown[i], sizes[i]);
    pump();
}

void exchange::take_presences(connection& c, const std::vector<presence>& presences) {
    for (const auto& p : presences) {
        if (!c.wants.presence(now(), p.id, p.have))
            continue;
        if (!c.wants.is_wanted(p.id))
            c.askers.erase(p.id);
        for (auto* l : std::vector(listeners_))
            p.have ? l->on_have(c.id, p.id) : l->on_dont_have(c.id, p.id, false);
    }
}

awaitable<void> exchange::take_block(connection& c, block b) {
    std::optional<result<cid>> named;
    if (b.data.size() <= hash_here_bytes)
        named = cid_of(b.prefix, b.data);
    else
        named = co_await workers_.run([b] { return cid_of(b.prefix, b.data); });
    const auto id = value_or_throw(*std::move(named));
    if (c.is_gone)
        raise(errc::stopped);
    const auto what = c.wants.block(now(), id);
    if (what == peer_wants::arrival::unasked) {
        note_unasked(c);
        co_return;
    }
    probe::received(b.data.size(), what == peer_wants::arrival::wanted);
    c.askers.erase(id);
    c.received_bytes += b.data.size();
    if (what == peer_wants::arrival::wanted)
        ++c.received_blocks;
    const auto data = std::make_shared<const bytes>(to_bytes(b.data));
    for (auto* l : std::vector(listeners_))
        l->on_block(c.id, id, data);
}

/// A block is named by its bytes, so wrong bytes for a CID are a block that nobody asked for.
void exchange::note_unasked(connection& c) {
    probe::unasked();
    if (++c.unasked_blocks <= c.received_blocks / options_.unasked_tolerance)
        return;
    host_.ban(c.id, "sent a bitswap block that nobody asked for", options_.ban_time);
    raise(errc::malformed_block, "nobody asked for it");
}

bool exchange::is_busy() const {
    return server_.deadline().has_value() ||
           std::ranges::any_of(listeners_, [](const auto* l) { return l->is_busy(); }) ||
           std::ranges::any_of(connections_, [](const auto& item) {
               const auto& c = *item.second;
               return c.wants.outstanding() > 0 || c.wants_out.channel || c.blocks_out.channel;
           });
}

awaitable<void> exchange::tick() {
    for (;;) {
        while (!is_busy())
            co_await activity_.wait();
        co_await aio::sleep_for(tick_interval);
        const auto t = now();
        std::vector<std::pair<peer_id, cid>> silent;
        for (const auto& [peer, c] : connections_) {
            while (auto id = c->wants.expired(t)) {
                c->askers.erase(*id);
                silent.emplace_back(peer, *std::move(id));
            }
            if (c->wants.has_changes())
                c->wants_changed.notify_all();
            for (auto* out : {&c->wants_out, &c->blocks_out})
                if (!out->is_busy && t - out->used > options_.stream_idle)
                    out->channel.reset();
        }
        for (const auto& [peer, id] : silent)
            for (auto* l : std::vector(listeners_))
                l->on_dont_have(peer, id, true);
        for (auto* l : std::vector(listeners_))
            l->on_tick(t);
        pump();
    }
}

}  // namespace dm::bitswap
