#pragma once

#include <deque>
#include <set>
#include <unordered_map>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "base/token_bucket.hpp"
#include "content/bitswap/driver.hpp"
#include "libp2p/gossipsub/driver.hpp"
#include "mesh/crdt/announcer.hpp"
#include "mesh/crdt/driver_block_source.hpp"
#include "mesh/crdt/replica.hpp"
#include "mesh/state/table.hpp"

namespace dm::crdt {

using multiformats::peer_id;

struct shared_map_options {
    std::string topic = "globaldb-topic";
    std::uint64_t seed = 0;
    announcer_options announcer{};
    replica_limits limits{};
    /// Blocks that were announced, or are missing, and are being fetched.
    std::size_t wanted_max = 1'000;
    std::size_t walks_max = 4;  ///< of the DAG, at once
    /// Of one block, at first; doubled with each failure, as is the pause after it.
    std::chrono::milliseconds fetch_timeout{1'000};
    std::chrono::milliseconds fetch_timeout_max{30'000};
    std::chrono::milliseconds retry_first{50};
    std::chrono::milliseconds retry_max{60'000};
    std::size_t batch_blocks = 256;  ///< merged at once, at most
    std::size_t batch_bytes = 1024 * 1024;
    std::chrono::milliseconds batch_time{200};
    std::chrono::milliseconds sync_timeout{30'000};  ///< without progress
    std::size_t serving_max = 4;
    /// Another node has so long to say that it has what was written here, and so many are asked.
    std::chrono::milliseconds push_timeout{1'000};
    std::size_t pushed_to_max = 3;
    std::size_t taking_max = 4;  ///< pushes of others, at once
    /// What one member's changes may cost a second, over some minutes, before the rest of them has
    /// to wait: their bytes and change_cost each.
    std::uint64_t author_cost_per_second = 64 * 1024;
    std::chrono::milliseconds author_burst{60'000};
    std::size_t authors_max = 1'000;     ///< that are told apart
    std::size_t announced_max = 10'000;  ///< blocks of which is known who announced them
};

/// What a change costs beside its bytes.
constexpr std::uint64_t change_cost = 1024;

/// What a shared_map has done, for status and metrics.
struct shared_map_counts {
    std::uint64_t blocks = 0;  ///< of the history
    std::uint64_t history_bytes = 0;
    std::uint64_t merged = 0;  ///< blocks of others since the start
    std::uint64_t malformed = 0;
};

/// The state that all nodes share: a table that is the same on all of them, whoever writes,
/// sooner or later. A go-ds-crdt replica over pubsub and bitswap; our own nodes also tell each
/// other what they lack when they connect. Keys are clean paths ("/a/b"); others are cleaned.
/// Spec: go-ds-crdt.
class shared_map final : public state::table {
  public:
    /// Reads the state; blocks. All that is handed in outlives it; `blocks` reads the same file and
    /// is part of what `exchange` serves.
    shared_map(executor ex, aio::pool& workers, const std::filesystem::path& file,
               block_source& blocks, gossipsub::pubsub& pubsub, bitswap::exchange& exchange,
               shared_map_options o = {});
    ~shared_map() override;

    void start();
    /// Before pubsub and the exchange are stopped.
    awaitable<void> stop();

    const entries& all() const noexcept override { return entries_; }
    awaitable<void> set_all(std::vector<entry> changes) override;
    awaitable<std::size_t> erase_if(std::function<bool(std::string_view key)> doomed) override;
    awaitable<void> each_written(std::string prefix, take_entries take) override;

    /// What may be written even when a bound is reached. Before start().
    void reserve_for(replica::voucher vouches) { replica_.reserve_for(std::move(vouches)); }

    const shared_map_counts& counts() const noexcept { return counts_; }
    /// Blocks that no block here links to: one, unless nodes have written at the same time.
    awaitable<std::vector<head>> heads();

  private:
    struct wanted {
        std::string author;  ///< who announced it; empty for what is missing in between
        unsigned failures = 0;
        steady_time not_before{};
        bool is_under_way = false;
    };

    /// How much somebody writes.
    struct author_pace {
        token_bucket bucket;
        steady_time last{};
        steady_time told{};
        std::uint64_t changes = 0;
    };

    void apply(outcome out);
    void count();
    awaitable<std::vector<cid>> write(std::vector<entry> set, std::vector<std::string> erased);
    awaitable<outcome> merge(std::vector<block> blocks, std::string_view from);
    void announce(const std::vector<cid>& heads);
    awaitable<void> announce_heads();
    void heard(const gossipsub::deliver& d);

    // Walking the DAG over bitswap (driver_walk.cpp).
    awaitable<void> keep_complete();
    awaitable<void> note_missing();
    awaitable<void> walk(std::vector<cid> from, std::string author, std::size_t attempt);
    struct walk_state;
    awaitable<void> fetch_front(walk_state& w);
    awaitable<void> merge_batch(walk_state& w);
    void failed(const cid& id);
    steady_time turn_of(const std::string& author);
    void charge(const std::string& author, std::size_t size);
    steady_time slowed_until(const std::string& author);
    awaitable<void> pace(std::string author);
    author_pace& pace_of(const std::string& author);

    // Catching up with a node of ours (driver_sync.cpp).
    void note_peer(const host::peer_info& peer);
    awaitable<void> keep_in_step();
    awaitable<void> catch_up_with(peer_id peer);
    awaitable<std::size_t> ask(peer_id peer);
    awaitable<void> serve(host::inbound in);

    // Leaving a copy of what was written with another node of ours (driver_push.cpp).
    awaitable<void> until_held(std::vector<cid> written);
    awaitable<bytes> pushable(std::vector<cid> written);
    std::vector<peer_id> nearest();
    awaitable<bool> push(peer_id peer, bytes wire, cid last);
    awaitable<void> take_pushed(host::inbound in);
    awaitable<void> merge_pushed(std::vector<block> pushed, std::string from);
    awaitable<void> fetch_missing();

    executor executor_;
    aio::pool& workers_;
    block_source& blocks_;
    gossipsub::pubsub& pubsub_;
    bitswap::exchange& exchange_;
    shared_map_options options_;
    replica replica_;
    entries entries_;
    announcer announcer_;
    aio::limiter one_writer_;
    aio::limiter serving_;
    aio::limiter taking_;
    bool is_stopped_ = false;
    std::unordered_map<cid, wanted> wanted_;
    std::size_t walks_ = 0;
    std::map<std::string, author_pace> paces_;
    /// Whoever builds on somebody's changes announces a block that these come with.
    std::unordered_map<cid, std::string> announced_by_;
    std::deque<cid> announced_;
    std::set<peer_id> to_ask_;
    bool is_asking_ = false;
    shared_map_counts counts_;
    aio::event work_;
    aio::event announcing_;
    aio::event asking_;
    aio::task_group group_;
    std::optional<subscribers<host::peer_event>::subscription> watching_peers_;
    std::optional<subscribers<gossipsub::peer_topic>::subscription> watching_topic_;
};

}  // namespace dm::crdt
