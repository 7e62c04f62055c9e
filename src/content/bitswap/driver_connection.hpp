#pragma once

#include <set>
#include <unordered_map>

#include "content/bitswap/driver.hpp"

namespace dm::bitswap {

/// A stream of ours to a peer, opened when it is needed.
struct exchange::out_stream {
    std::unique_ptr<host::stream> channel;
    version speaks = version::v1_2;
    steady_time used{};
    bool is_busy = false;
};

/// What the exchange keeps of a peer while it is connected.
struct exchange::connection {
    connection(executor ex, const peer_id& peer, const exchange_options& o)
        : id(peer),
          wants(o.wants),
          wants_changed(ex),
          unused(ex),
          write_turn(ex, 1),
          lookups(ex, 1),
          large_messages(ex, o.large_messages_per_peer_max),
          tasks(ex) {}

    peer_id id;
    bool has_presence = true;
    bool is_gone = false;
    peer_wants wants;
    std::unordered_map<cid, std::vector<want_listener*>> askers;
    aio::event wants_changed;
    std::size_t users = 0;
    aio::event unused;
    std::set<host::stream*> inbound;
    aio::limiter write_turn;
    aio::limiter lookups;  ///< one list at a time: a flood of them delays its sender
    aio::limiter large_messages;
    out_stream wants_out;
    out_stream blocks_out;
    std::uint64_t received_bytes = 0;
    std::uint64_t received_blocks = 0;
    std::uint64_t unasked_blocks = 0;
    aio::task_group tasks;
};

/// Keeps a connection's object alive in a task of the host.
class exchange::use {
  public:
    use(connection& c, host::stream& from) : c_(c), from_(from) {
        ++c_.users;
        c_.inbound.insert(&from_);
    }
    use(const use&) = delete;
    use& operator=(const use&) = delete;
    ~use() {
        c_.inbound.erase(&from_);
        if (--c_.users == 0)
            c_.unused.notify_all();
    }

  private:
    connection& c_;
    host::stream& from_;
};

}  // namespace dm::bitswap
