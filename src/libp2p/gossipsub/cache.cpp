#include "libp2p/gossipsub/cache.hpp"

#include <algorithm>

namespace dm::gossipsub {

bool seen_cache::insert(steady_time now, const message_id& id) {
    if (!ids_.insert(id).second)
        return false;
    by_age_.emplace_back(now, id);
    if (by_age_.size() > max_) {
        ids_.erase(by_age_.front().second);
        by_age_.pop_front();
    }
    return true;
}

void seen_cache::expire(steady_time now) {
    while (!by_age_.empty() && by_age_.front().first + ttl_ <= now) {
        ids_.erase(by_age_.front().second);
        by_age_.pop_front();
    }
}

void message_cache::put(const message_id& id, std::string topic, wire_message wire) {
    const auto size = wire->size();
    if (!entries_.try_emplace(id, std::move(topic), std::move(wire), heartbeat_).second)
        return;
    by_age_.push_back(id);
    bytes_ += size;
    while (bytes_ > bytes_max_)
        drop_oldest();
}

wire_message message_cache::take(const message_id& id, const peer_id& asker, unsigned times_max) {
    const auto it = entries_.find(id);
    if (it == entries_.end())
        return nullptr;
    auto& times = it->second.given[asker];
    if (times >= times_max)
        return nullptr;
    ++times;
    return it->second.wire;
}

std::vector<message_id> message_cache::recent(const std::string& topic) const {
    std::vector<message_id> out;
    for (auto it = by_age_.rbegin(); it != by_age_.rend() && out.size() < ids_max; ++it) {
        const auto& e = entries_.at(*it);
        if (e.heartbeat + window_ <= heartbeat_)
            break;
        if (e.topic == topic)
            out.push_back(*it);
    }
    return out;
}

void message_cache::shift() {
    ++heartbeat_;
    while (!by_age_.empty() && entries_.at(by_age_.front()).heartbeat + heartbeats_ <= heartbeat_)
        drop_oldest();
}

void message_cache::drop_oldest() {
    const auto it = entries_.find(by_age_.front());
    bytes_ -= it->second.wire->size();
    entries_.erase(it);
    by_age_.pop_front();
}

}  // namespace dm::gossipsub
