#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "aio/task_group.hpp"
#include "api/event_feed.hpp"
#include "libp2p/host/host.hpp"

namespace dm::api {

/// What has gone to a peer and come from it since it connected.
struct peer_bytes {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    friend bool operator==(const peer_bytes&, const peer_bytes&) = default;
};

/// By peer id.
using traffic = std::map<std::string, peer_bytes>;

/// {"peers":[{"peer":…,"sent_per_second":…,"received_per_second":…}]}: all of `now`, and how fast
/// each was since `before`; a peer that connected meanwhile had sent nothing before.
std::string traffic_notice(const traffic& before, const traffic& now,
                           std::chrono::duration<double> between);

/// Tells the clients of a feed, once an interval and as long as something moves or connections come
/// and go, who sends how much to whom.
class traffic_feed {
  public:
    /// The references outlive it.
    traffic_feed(executor ex, const host::host& peers, event_feed& events,
                 std::chrono::milliseconds interval = std::chrono::milliseconds(1'000));

    void start() { group_.spawn("traffic", run()); }
    awaitable<void> stop() { return group_.stop(); }

  private:
    awaitable<void> run();
    traffic look() const;

    const host::host& peers_;
    event_feed& events_;
    std::chrono::milliseconds interval_;
    aio::task_group group_;
};

}  // namespace dm::api
