#include <algorithm>

#include "libp2p/gossipsub/router.hpp"

/// GRAFT, PRUNE, IHAVE, IWANT.
namespace dm::gossipsub {

void router::take_control(steady_time now, const peer_id& from, peer_state& p, const control& c) {
    take_haves(now, from, p, c.haves);
    for (const auto& id : c.wants)
        if (const auto wire = cache_.take(id, from, options_.retransmissions))
            send_message(from, wire);
    for (const auto& topic : c.grafts)
        take_graft(now, from, p, topic);
    for (const auto& asked : c.prunes) {
        const auto t = topics_.find(asked.topic);
        if (t == topics_.end())
            continue;
        t->second.mesh.erase(from);
        back_off(t->second, from,
                 now + asked.backoff.value_or(options_.prune_backoff) + options_.heartbeat);
    }
}

void router::take_haves(steady_time now, const peer_id& from, peer_state& p,
                        const std::vector<ihave>& haves) {
    if (haves.empty() || ++p.haves > options_.haves_per_heartbeat_max)
        return;
    auto* box = box_of(from);
    if (!box)
        return;
    for (const auto& have : haves) {
        if (!topics_.contains(have.topic))
            continue;
        for (const auto& id : have.ids) {
            if (p.ids >= options_.asked_of_peer_max || asked_.size() >= options_.asked_max ||
                seen_.contains(id) || !asked_.emplace(id, now + options_.want_patience).second)
                continue;
            ++p.ids;
            box->control.wants.push_back(id);
        }
    }
    if (box->control.empty() && box->messages.empty())
        outboxes_.erase(from);
}

void router::take_graft(steady_time now, const peer_id& from, const peer_state& p,
                        const std::string& topic) {
    const auto it = topics_.find(topic);
    if (it == topics_.end() || it->second.mesh.contains(from) || !p.topics.contains(topic))
        return;
    auto& t = it->second;
    const auto backoff = t.backoff.find(from);
    const bool is_early = backoff != t.backoff.end() && now < backoff->second;
    const bool is_full = t.mesh.size() >= options_.degree_high && !p.is_outgoing;
    if (is_early || is_full)
        prune_peer(now, t, topic, from, options_.prune_backoff);
    else
        t.mesh.insert(from);
}

void router::graft(topic_state& t, const std::string& topic, const peer_id& peer) {
    t.mesh.insert(peer);
    if (auto* box = box_of(peer))
        box->control.grafts.push_back(topic);
}

void router::prune_peer(steady_time now, topic_state& t, const std::string& topic,
                        const peer_id& peer, std::chrono::seconds backoff) {
    t.mesh.erase(peer);
    back_off(t, peer, now + backoff);
    if (auto* box = box_of(peer))
        box->control.prunes.push_back({topic, backoff});
}

void router::back_off(topic_state& t, const peer_id& peer, steady_time until) {
    const auto it = t.backoff.find(peer);
    if (it != t.backoff.end())
        it->second = std::max(it->second, until);
    else if (t.backoff.size() < options_.backoffs_max)
        t.backoff.emplace(peer, until);
}

}  // namespace dm::gossipsub
