#include "libp2p/gossipsub/router.hpp"

#include <algorithm>

namespace dm::gossipsub {

bool allowance::take(steady_time now, double amount) {
    if (last_ && now > *last_)
        left_ =
            std::min(burst_, left_ + rate_ * std::chrono::duration<double>(now - *last_).count());
    if (!last_ || now > *last_)
        last_ = now;
    if (amount > left_)
        return false;
    left_ -= amount;
    return true;
}

router::router(const crypto::private_key& key, std::uint64_t seqno, std::uint64_t seed,
               router_options o)
    : key_(key),
      self_(key.public_key()),
      seqno_(seqno),
      random_(seed),
      options_(o),
      seen_(o.seen_ttl, o.seen_max),
      cache_(o.history, o.gossip_window, o.cache_bytes_max) {}

router::peer_state& router::state_of(const peer_id& peer) {
    return peers_.try_emplace(peer, options_).first->second;
}

/// Where to put what the peer is to be sent; nullptr when nothing can be sent to it.
router::outbox* router::box_of(const peer_id& peer) {
    const auto it = peers_.find(peer);
    return it != peers_.end() && it->second.is_writable ? &outboxes_[peer] : nullptr;
}

void router::add_peer(steady_time now, const peer_id& peer, peer_kind kind, bool is_outgoing) {
    auto& p = state_of(peer);
    p.is_writable = true;
    p.is_outgoing = is_outgoing;
    p.kind = kind;
    outboxes_.erase(peer);
    for (auto& [topic, t] : topics_)
        t.mesh.erase(peer);
    auto& box = outboxes_[peer];
    for (const auto& [topic, t] : topics_)
        box.control.subscriptions.push_back({true, topic});
    if (box.control.empty())
        outboxes_.erase(peer);
    for (const auto& topic : p.topics)
        if (const auto t = topics_.find(topic); t != topics_.end())
            keep_mesh(now, topic, t->second);
}

void router::stream_lost(const peer_id& peer) {
    if (const auto it = peers_.find(peer); it != peers_.end())
        it->second.is_writable = false;
    for (auto& [topic, t] : topics_)
        t.mesh.erase(peer);
    outboxes_.erase(peer);
}

void router::remove_peer(const peer_id& peer) {
    const auto it = peers_.find(peer);
    if (it == peers_.end())
        return;
    for (const auto& topic : it->second.topics)
        outputs_.emplace_back(peer_topic{peer, topic, false});
    stream_lost(peer);
    peers_.erase(it);
}

result<void> router::received(steady_time now, const peer_id& from, byte_view wire) {
    auto& p = state_of(from);
    auto r = decode_rpc(wire);
    if (!r)
        return fail(std::move(r.error()));
    for (const auto& s : r->control.subscriptions)
        take_subscription(now, from, p, s);
    if (!p.bytes.take(now, static_cast<double>(wire.size()))) {
        ++counts_.over_rate;
        return {};
    }
    for (auto& m : r->messages)
        take_message(now, from, p, std::move(m));
    take_control(now, from, p, r->control);
    return {};
}

void router::take_subscription(steady_time now, const peer_id& from, peer_state& p,
                               const subscription& s) {
    const auto t = topics_.find(s.topic);
    if (s.is_on) {
        if (p.topics.size() >= options_.peer_topics_max || !p.topics.insert(s.topic).second)
            return;
        if (t != topics_.end())
            keep_mesh(now, s.topic, t->second);
    } else {
        if (p.topics.erase(s.topic) == 0)
            return;
        if (t != topics_.end())
            t->second.mesh.erase(from);
    }
    outputs_.emplace_back(peer_topic{from, s.topic, s.is_on});
}

void router::take_message(steady_time now, const peer_id& from, peer_state& p, message m) {
    if (!p.messages.take(now, 1)) {
        ++counts_.over_rate;
        return;
    }
    const auto t = topics_.find(m.topic);
    if (t == topics_.end() || std::ranges::equal(m.from, self_.bytes()))
        return;
    const auto id = id_of(m);
    if (seen_.contains(id)) {
        ++counts_.duplicate;
        return;
    }
    // A forged copy must not hide the true one: seen is what is genuine.
    const auto author = verify(m);
    if (!author) {
        ++counts_.forged;
        if (++p.forged == options_.forged_max)
            outputs_.emplace_back(misbehaving{from, author.error().message()});
        return;
    }
    seen_.insert(now, id);
    asked_.erase(id);
    if (shunned_.contains(*author) || (t->second.is_valid && !t->second.is_valid(m))) {
        ++counts_.rejected;
        return;
    }
    ++counts_.delivered;
    forward(id, m.topic, std::make_shared<const bytes>(encode_message(m)), from, *author);
    outputs_.emplace_back(deliver{*author, from, std::move(m)});
}

void router::forward(const message_id& id, const std::string& topic, const wire_message& wire,
                     const peer_id& via, const peer_id& author) {
    cache_.put(id, topic, wire);
    const auto& mesh = topics_.at(topic).mesh;
    for (const auto& [peer, p] : peers_)
        if (peer != via && peer != author && p.topics.contains(topic) &&
            (p.kind == peer_kind::floodsub || mesh.contains(peer)))
            send_message(peer, wire);
}

void router::send_message(const peer_id& to, const wire_message& wire) {
    if (auto* box = box_of(to))
        box->messages.push_back(wire);
}

void router::subscribe(steady_time now, const std::string& topic, validator is_valid) {
    const auto [t, is_new] = topics_.try_emplace(topic);
    t->second.is_valid = std::move(is_valid);
    if (!is_new)
        return;
    for (const auto& [peer, p] : peers_)
        if (auto* box = box_of(peer))
            box->control.subscriptions.push_back({true, topic});
    keep_mesh(now, topic, t->second);
}

void router::unsubscribe(steady_time now, const std::string& topic) {
    const auto t = topics_.find(topic);
    if (t == topics_.end())
        return;
    for (const auto& peer : std::set(t->second.mesh))
        prune_peer(now, t->second, topic, peer, options_.leave_backoff);
    topics_.erase(t);
    for (const auto& [peer, p] : peers_)
        if (auto* box = box_of(peer))
            box->control.subscriptions.push_back({false, topic});
}

result<message_id> router::publish(steady_time now, const std::string& topic, byte_view data) {
    if (data.size() > data_bytes_max || topic.empty() || topic.size() > topic_bytes_max)
        return fail(errc::too_large);
    const auto m = make_message(key_, seqno_++, topic, data);
    auto id = id_of(m);
    const auto wire = std::make_shared<const bytes>(encode_message(m));
    seen_.insert(now, id);
    cache_.put(id, topic, wire);
    for (const auto& [peer, p] : peers_)
        if (p.topics.contains(topic))
            send_message(peer, wire);
    return id;
}

std::optional<output> router::poll() {
    if (!outputs_.empty()) {
        auto out = std::move(outputs_.front());
        outputs_.pop_front();
        return out;
    }
    const auto it = outboxes_.begin();
    if (it == outboxes_.end())
        return std::nullopt;
    auto& box = it->second;
    send_rpc out{it->first, {}};
    append_control(out.rpc, box.control);
    box.control = {};
    while (!box.messages.empty()) {
        const auto& next = *box.messages.front();
        if (!out.rpc.empty() && out.rpc.size() + message_size_in_rpc(next.size()) > rpc_bytes_max)
            break;
        append_message(out.rpc, next);
        box.messages.pop_front();
    }
    if (box.messages.empty())
        outboxes_.erase(it);
    return out;
}

std::vector<peer_id> router::peers_in(const std::string& topic) const {
    std::vector<peer_id> out;
    for (const auto& [peer, p] : peers_)
        if (p.topics.contains(topic))
            out.push_back(peer);
    return out;
}

std::vector<peer_id> router::mesh_of(const std::string& topic) const {
    const auto t = topics_.find(topic);
    return t == topics_.end() ? std::vector<peer_id>{}
                              : std::vector<peer_id>(t->second.mesh.begin(), t->second.mesh.end());
}

}  // namespace dm::gossipsub
