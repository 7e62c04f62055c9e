#pragma once

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "libp2p/gossipsub/driver.hpp"
#include "mesh/presence/roster.hpp"

namespace dm::presence {

/// Presence over pubsub and the connections of a host: tells the fleet what this node is doing and
/// knows what the others do. Lives on the loop.
class service {
  public:
    /// The host and pubsub outlive it.
    service(executor ex, host::host& peers, gossipsub::pubsub& pubsub, std::uint64_t seed,
            roster_options o = {});
    service(const service&) = delete;
    service& operator=(const service&) = delete;
    ~service();

    void start();
    /// Tells the others that this node is about to stop, and nothing more after that.
    awaitable<void> say_goodbye();
    /// Says good-bye where that has not happened. Before pubsub is stopped.
    awaitable<void> stop();

    /// What others read in find(); status_bytes_max at most, else nothing happens.
    void set_status(std::string status);
    sighting find(const peer_id& peer) const;
    /// Told when a node's liveness or status has changed.
    subscribers<peer_id>& changes() noexcept { return changes_; }

  private:
    void hear(const gossipsub::deliver& d);
    void wake();
    awaitable<void> run();
    void publish(const beat& b);
    awaitable<void> until_heard();
    awaitable<void> until_answered(peer_id peer);

    host::host& host_;
    gossipsub::pubsub& pubsub_;
    roster roster_;
    subscribers<peer_id> changes_;
    aio::event changed_;
    bool has_left_ = false;
    aio::task_group group_;
    std::optional<subscribers<host::peer_event>::subscription> watching_peers_;
    std::optional<subscribers<gossipsub::peer_topic>::subscription> watching_topic_;
};

}  // namespace dm::presence
