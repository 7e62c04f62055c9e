#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "libp2p/gossipsub/message.hpp"

namespace dm::gossipsub {

using wire_message = std::shared_ptr<const bytes>;

/// Which messages were seen lately. Bounded: the oldest are forgotten first.
class seen_cache {
  public:
    seen_cache(std::chrono::seconds ttl, std::size_t entries_max) : ttl_(ttl), max_(entries_max) {}

    bool contains(const message_id& id) const { return ids_.contains(id); }
    /// False when it is there already.
    bool insert(steady_time now, const message_id& id);
    void expire(steady_time now);
    std::size_t size() const noexcept { return ids_.size(); }

  private:
    std::chrono::seconds ttl_;
    std::size_t max_;
    std::unordered_set<message_id> ids_;
    std::deque<std::pair<steady_time, message_id>> by_age_;
};

/// The messages of the last heartbeats, for those who ask. Bounded in heartbeats and in bytes; the
/// oldest go first.
/// Spec: gossipsub v1.0 "Message Cache".
class message_cache {
  public:
    message_cache(std::size_t heartbeats, std::size_t gossip_window, std::size_t bytes_max)
        : heartbeats_(heartbeats), window_(gossip_window), bytes_max_(bytes_max) {}

    void put(const message_id& id, std::string topic, wire_message wire);
    /// For a peer that asks; nullptr when it is not there (any more), or when this peer was given
    /// it `times_max` times.
    wire_message take(const message_id& id, const peer_id& asker, unsigned times_max);
    /// Of the topic, within the gossip window, newest first, `ids_max` at most.
    std::vector<message_id> recent(const std::string& topic) const;
    /// A heartbeat has passed.
    void shift();
    std::size_t size() const noexcept { return entries_.size(); }
    std::size_t size_bytes() const noexcept { return bytes_; }

  private:
    struct entry {
        std::string topic;
        wire_message wire;
        std::uint64_t heartbeat;
        std::unordered_map<peer_id, unsigned> given;
    };
    void drop_oldest();

    std::size_t heartbeats_;
    std::size_t window_;
    std::size_t bytes_max_;
    std::uint64_t heartbeat_ = 0;
    std::size_t bytes_ = 0;
    std::unordered_map<message_id, entry> entries_;
    std::deque<message_id> by_age_;
};

}  // namespace dm::gossipsub
