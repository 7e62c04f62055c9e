#include "libp2p/gossipsub/driver.hpp"

#include <algorithm>
#include <cassert>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "multiformats/delimited.hpp"

namespace dm::gossipsub {
namespace {

constexpr std::size_t read_bytes = 16 * 1024;
const std::vector<std::string> protocols{protocol_1_1, protocol_1_0, protocol_floodsub};

steady_time now() {
    return std::chrono::steady_clock::now();
}

bool speaks_any(const host::peer_info& peer) {
    return std::ranges::any_of(protocols, [&](const auto& p) { return peer.speaks(p); });
}

}  // namespace

/// Our stream to a peer, and what waits to be written to it.
struct pubsub::link {
    explicit link(executor ex) : changed(ex) {}

    std::deque<bytes> queue;
    std::size_t queued_bytes = 0;
    bool is_writing = false;
    bool is_open = false;
    bool is_lost = false;  // since the stream was opened, the peer was disconnected
    aio::event changed;

    void clear() {
        queue.clear();
        queued_bytes = 0;
        is_writing = false;
        is_open = false;
    }
};

pubsub::pubsub(executor ex, host::host& peers, const crypto::private_key& key, pubsub_options o)
    : executor_(ex),
      host_(peers),
      options_(o),
      router_(key, o.seqno, o.seed, o.router),
      written_(ex),
      group_(ex) {}

pubsub::~pubsub() {
    assert(group_.size() == 0 && "pubsub is stopped before it is destroyed");
}

void pubsub::start() {
    watching_.emplace(host_.events().add([this](const host::peer_event& e) {
        if (e.what == host::peer_event::kind::identified)
            note_peer(e.peer);
        else if (e.what == host::peer_event::kind::disconnected)
            lost(e.peer.id);
    }));
    for (const auto& protocol : protocols)
        host_.handle(protocol, [this](host::inbound in) { return serve(std::move(in)); });
    for (const auto& peer : host_.peers())
        note_peer(peer);
    group_.spawn("pubsub heartbeat", beat());
}

awaitable<void> pubsub::stop() {
    is_stopping_ = true;
    watching_.reset();
    for (const auto& protocol : protocols)
        host_.stop_handling(protocol);
    for (const auto& [peer, stream] : inbound_)
        stream->reset();
    inbound_.clear();
    // Streams that end by themselves deliver what was written, cancelled ones are reset.
    for (const auto& [peer, l] : links_) {
        l->is_lost = true;
        l->changed.notify_all();
    }
    try {
        co_await aio::with_timeout(no_links(), options_.close_timeout);
    } catch (const failure& e) {
        log::debug("pubsub streams did not end", {{"reason", e.what()}});
    }
    co_await group_.stop();
    links_.clear();
}

void pubsub::note_peer(const host::peer_info& peer) {
    if (is_stopping_ || !speaks_any(peer))
        return;
    auto& l = links_[peer.id];
    if (l) {
        l->changed.notify_all();
        return;
    }
    l = std::make_unique<link>(executor_);
    group_.spawn("pubsub peer", keep(peer.id, *l));
}

void pubsub::lost(const peer_id& peer) {
    if (const auto it = links_.find(peer); it != links_.end()) {
        it->second->is_lost = true;
        it->second->clear();
        it->second->changed.notify_all();
    }
    router_.remove_peer(peer);
    pump();
}

/// As long as the peer is connected.
awaitable<void> pubsub::keep(peer_id peer, link& l) {
    auto pause = options_.retry_first;
    for (;;) {
        const auto info = host_.find(peer);
        if (is_stopping_ || !info || !speaks_any(*info))
            break;
        l.is_lost = false;
        const auto since = now();
        try {
            co_await talk(peer, l);
        } catch (const std::exception& e) {
            if (aio::is_cancelled(e))
                throw;
            log::debug("pubsub stream ended", {{"peer", peer.to_string()}, {"reason", e.what()}});
        }
        l.clear();
        written_.notify_all();
        if (l.is_lost)
            continue;
        router_.stream_lost(peer);
        if (now() - since > options_.retry_max)
            pause = options_.retry_first;
        try {
            co_await aio::with_timeout(l.changed.wait(), pause);
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
        }
        pause = std::min(pause * 2, options_.retry_max);
    }
    links_.erase(peer);  // and `l`
    written_.notify_all();
}

awaitable<void> pubsub::talk(peer_id peer, link& l) {
    auto opened = co_await aio::with_timeout(host_.open(peer, protocols), options_.open_timeout);
    const auto info = host_.find(peer);
    if (l.is_lost || !info)
        co_return;
    l.is_open = true;
    router_.add_peer(
        now(), peer,
        opened.protocol == protocol_floodsub ? peer_kind::floodsub : peer_kind::gossipsub,
        info->direction == host::direction::outgoing);
    pump();
    bytes wire;
    while (!l.is_lost) {
        if (l.queue.empty()) {
            co_await l.changed.wait();
            continue;
        }
        wire.clear();
        multiformats::append_delimited(wire, l.queue.front());
        l.queued_bytes -= l.queue.front().size();
        l.queue.pop_front();
        l.is_writing = true;
        co_await aio::with_timeout(opened.channel->write(wire), options_.write_timeout);
        l.is_writing = false;
        written_.notify_all();
    }
}

awaitable<void> pubsub::serve(host::inbound in) {
    auto* const stream = in.channel.get();
    const auto peer = in.peer;
    if (is_stopping_)
        co_return;
    if (const auto it = inbound_.find(peer); it != inbound_.end())
        it->second->reset();
    inbound_[peer] = stream;
    try {
        co_await read(in);
    } catch (...) {
        if (const auto it = inbound_.find(peer); it != inbound_.end() && it->second == stream)
            inbound_.erase(it);
        throw;
    }
    if (const auto it = inbound_.find(peer); it != inbound_.end() && it->second == stream)
        inbound_.erase(it);
}

awaitable<void> pubsub::read(host::inbound& in) {
    multiformats::delimited_reader reader(rpc_bytes_max);
    bytes buffer(read_bytes);
    while (const auto n = co_await in.channel->read_some(buffer)) {
        auto rest = byte_view(buffer).first(n);
        while (!rest.empty()) {
            rest = rest.subspan(value_or_throw(reader.feed(rest)));
            const auto wire = reader.take();
            if (!wire)
                continue;
            if (is_stopping_)
                co_return;
            value_or_throw(router_.received(now(), in.peer, *wire));
            // Its last words count, but nothing is kept of who is gone.
            if (!host_.find(in.peer))
                router_.remove_peer(in.peer);
            pump();
        }
    }
}

awaitable<void> pubsub::beat() {
    for (;;) {
        co_await aio::sleep_for(
            std::max(router_.deadline() - now(), std::chrono::steady_clock::duration::zero()));
        router_.tick(now());
        pump();
    }
}

/// Does what the router says. Handlers may call us: what comes of it is done by the call that is
/// already at it.
void pubsub::pump() {
    if (is_pumping_)
        return;
    is_pumping_ = true;
    try {
        while (auto out = router_.poll())
            std::visit([this](auto&& what) { carry_out(std::forward<decltype(what)>(what)); },
                       *std::move(out));
    } catch (...) {
        is_pumping_ = false;
        throw;
    }
    is_pumping_ = false;
}

void pubsub::carry_out(send_rpc s) {
    const auto it = links_.find(s.to);
    if (it == links_.end() || !it->second->is_open)
        return;
    auto& l = *it->second;
    if (l.queue.size() >= options_.queue_rpcs_max ||
        l.queued_bytes + s.rpc.size() > options_.queue_bytes_max) {
        ++dropped_;
        return;
    }
    l.queued_bytes += s.rpc.size();
    l.queue.push_back(std::move(s.rpc));
    l.changed.notify_all();
}

void pubsub::carry_out(const deliver& d) {
    if (const auto it = handlers_.find(d.message.topic); it != handlers_.end())
        it->second(d);
}

void pubsub::carry_out(const peer_topic& t) {
    topic_events_.tell(t);
}

void pubsub::carry_out(const misbehaving& m) {
    log::warn("peer forges messages", {{"peer", m.peer.to_string()}, {"reason", m.why}});
    group_.spawn("pubsub ban", ban(m.peer, m.why));
}

awaitable<void> pubsub::ban(peer_id peer, std::string why) {
    host_.ban(peer, std::move(why), options_.ban_time);
    co_return;
}

void pubsub::subscribe(const std::string& topic, handler h, validator is_valid) {
    handlers_[topic] = std::move(h);
    router_.subscribe(now(), topic, std::move(is_valid));
    pump();
}

void pubsub::unsubscribe(const std::string& topic) {
    handlers_.erase(topic);
    router_.unsubscribe(now(), topic);
    pump();
}

void pubsub::publish(const std::string& topic, byte_view data) {
    value_or_throw(router_.publish(now(), topic, data));
    pump();
}

awaitable<void> pubsub::no_links() {
    while (!links_.empty())
        co_await written_.wait();
}

awaitable<void> pubsub::flush() {
    const auto is_busy = [](const auto& l) {
        return l.second->is_writing || !l.second->queue.empty();
    };
    while (std::ranges::any_of(links_, is_busy))
        co_await written_.wait();
}

}  // namespace dm::gossipsub
