#include <algorithm>
#include <cmath>

#include "libp2p/gossipsub/router.hpp"

/// What is done once a second.
namespace dm::gossipsub {

void router::tick(steady_time now) {
    if (now < next_heartbeat_)
        return;
    next_heartbeat_ = now + options_.heartbeat;
    heartbeat(now);
}

void router::heartbeat(steady_time now) {
    seen_.expire(now);
    std::erase_if(asked_, [&](const auto& a) { return a.second <= now; });
    for (auto& [peer, p] : peers_) {
        p.haves = 0;
        p.ids = 0;
    }
    for (auto& [topic, t] : topics_) {
        std::erase_if(t.backoff, [&](const auto& b) { return b.second <= now; });
        keep_mesh(now, topic, t);
        gossip(topic, t);
    }
    cache_.shift();
}

/// Gossipsub peers in the topic that are not in its mesh, shuffled.
std::vector<peer_id> router::candidates(const std::string& topic, const topic_state& t,
                                        const choice& is_chosen) {
    std::vector<peer_id> out;
    for (const auto& [peer, p] : peers_)
        if (p.is_writable && p.kind == peer_kind::gossipsub && p.topics.contains(topic) &&
            !t.mesh.contains(peer) && is_chosen(peer, p))
            out.push_back(peer);
    std::ranges::shuffle(out, random_);
    return out;
}

void router::keep_mesh(steady_time now, const std::string& topic, topic_state& t) {
    const auto is_free = [&](const peer_id& peer, const peer_state&) {
        const auto it = t.backoff.find(peer);
        return it == t.backoff.end() || it->second <= now;
    };
    if (t.mesh.size() < options_.degree_low)
        for (const auto& peer : candidates(topic, t, is_free)) {
            if (t.mesh.size() >= options_.degree)
                break;
            graft(t, topic, peer);
        }
    if (t.mesh.size() > options_.degree_high)
        shrink_mesh(now, topic, t);
    // Peers that we have chosen ourselves keep a mesh whole when those who dial us are hostile.
    auto outgoing = std::ranges::count_if(
        t.mesh, [&](const peer_id& peer) { return peers_.at(peer).is_outgoing; });
    if (t.mesh.size() < options_.degree_low ||
        static_cast<std::size_t>(outgoing) >= options_.degree_outgoing)
        return;
    const auto is_ours = [&](const peer_id& peer, const peer_state& p) {
        return p.is_outgoing && is_free(peer, p);
    };
    for (const auto& peer : candidates(topic, t, is_ours)) {
        if (static_cast<std::size_t>(outgoing++) >= options_.degree_outgoing)
            break;
        graft(t, topic, peer);
    }
}

void router::shrink_mesh(steady_time now, const std::string& topic, topic_state& t) {
    std::vector<peer_id> order(t.mesh.begin(), t.mesh.end());
    std::ranges::shuffle(order, random_);
    // A few that we have dialled stay, then anybody.
    auto kept = order.begin();
    for (std::size_t i = 0; i < options_.degree_outgoing; ++i)
        if (const auto it =
                std::find_if(kept, order.end(),
                             [&](const peer_id& peer) { return peers_.at(peer).is_outgoing; });
            it != order.end())
            std::iter_swap(kept++, it);
    for (std::size_t i = options_.degree; i < order.size(); ++i)
        prune_peer(now, t, topic, order[i], options_.prune_backoff);
}

void router::gossip(const std::string& topic, const topic_state& t) {
    const auto ids = cache_.recent(topic);
    if (ids.empty())
        return;
    auto told = candidates(topic, t, [](const auto&, const auto&) { return true; });
    const auto share =
        static_cast<std::size_t>(std::ceil(static_cast<double>(told.size()) * options_.lazy_share));
    if (const auto count = std::max(options_.lazy_min, share); told.size() > count)
        told.erase(told.begin() + static_cast<std::ptrdiff_t>(count), told.end());
    for (const auto& peer : told)
        if (auto* box = box_of(peer))
            box->control.haves.push_back({topic, ids});
}

}  // namespace dm::gossipsub
