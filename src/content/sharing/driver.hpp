#pragma once

#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "content/sharing/link.hpp"
#include "content/sharing/shared_blob.hpp"
#include "content/store/content_store.hpp"
#include "content/swarm/scheduler.hpp"
#include "content/swarm/uploader.hpp"
#include "libp2p/host/host.hpp"

namespace dm::sharing {

inline constexpr const char* protocol_id = "/distromash/blob/1";

struct options {
    swarm::scheduler_options scheduling{};
    swarm::uploader_options uploading{};
    std::chrono::milliseconds open_timeout{10'000};
    /// How long a fetch waits for a peer that has something, before it ends with not_found.
    std::chrono::milliseconds source_timeout{2'000};
    /// How long without a byte before it ends with given_up.
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds news_delay{5};
    std::chrono::minutes ban_time{10};
    /// A blob that nobody asks for stays open this long.
    std::chrono::seconds keep_open{60};
};

/// Hashes of a peer that contradict others' blocks, without a good block between, before it is
/// banned.
constexpr int strikes_max = 2;

/// How a fetch is doing.
struct fetch_progress {
    std::uint64_t bytes_received = 0;  ///< new ones
    std::size_t peers = 0;             ///< that have part of it
};

/// This node's part in swarms: fetches blobs from all peers that have some of them and passes them
/// on meanwhile; hands out what the store holds, and what an import is just writing to it. Lives on
/// the loop.
class swarm_node {
  public:
    swarm_node(executor ex, aio::pool& workers, host::host& network, store::content_store& store,
               options o = {});
    swarm_node(const swarm_node&) = delete;
    swarm_node& operator=(const swarm_node&) = delete;
    ~swarm_node();

    void start();
    awaitable<void> stop();

    using listener = std::function<void(const fetch_progress&)>;
    /// Gets all that is missing of the blob into `into`, whose lease the caller has, and returns
    /// when every leaf is there; finishing it is the caller's. `root`: the blob's CID as a UnixFS
    /// file, if it is known: then no peer can make us fetch wrong leaves. Throws not_found,
    /// given_up, store's failures.
    awaitable<void> fetch(store::arrival& into, std::optional<multiformats::cid> root,
                          listener listen);
    /// The bytes of a blob of at most `size_max` bytes of unknown size; into the store, too.
    awaitable<bytes> get(crypto::digest digest, std::size_t size_max);
    /// The reader of a blob that is being fetched is at this byte.
    void reading(const crypto::digest& digest, std::uint64_t at);

    /// Whether there is a peer to ask at all.
    bool has_peers() const noexcept;
    std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
    std::uint64_t received_bytes() const noexcept { return received_bytes_; }
    /// Received and thrown away: there already, or wrong.
    std::uint64_t wasted_bytes() const noexcept { return wasted_bytes_; }

  private:
    // driver.cpp
    void act();
    void carry_out(const swarm::action& a);
    void pump_uploads();
    awaitable<void> clock();
    steady_time next_deadline() const;
    void flush_news();
    void sweep();
    link* link_of(swarm::peer_no no);
    swarm::channel_no channel_of(swarm::blob_no no) const;
    bool is_fetching() const noexcept;
    bool is_asked_for(const crypto::digest& d) const;

    // driver_blob.cpp
    shared_blob* find(const crypto::digest& digest);
    shared_blob& open_blob(const crypto::digest& digest);
    void set_size(shared_blob& b, std::uint64_t size, swarm::leaf_set mine, swarm::role own);
    void close_blob(shared_blob& b);
    void announce(shared_blob& b);
    void ask_all(shared_blob& b);
    bool make_way(const crypto::digest& digest);
    void send_join(link& l, shared_blob& b);
    void attach(link& l, remote_blob& r, shared_blob& b);
    void refresh_claims(link& l, remote_blob& r);
    void want_hashes(link& l, remote_blob& r);
    void take_hashes(link& l, remote_blob& r, const swarm::leaves& m);
    bool know_hash(shared_blob& b, std::uint32_t leaf, const swarm::leaf_hash& hash,
                   swarm::peer_no from);
    void hashes_changed(shared_blob& b);
    void gained(shared_blob& b, std::uint32_t leaf);
    awaitable<void> offer_stored(crypto::digest digest);
    awaitable<void> follow_arrival(crypto::digest digest);
    awaitable<void> wait_for_blob(shared_blob& b, listener listen);
    awaitable<bool> close_unused(crypto::digest digest);
    awaitable<void> follow_caller(crypto::digest digest);
    awaitable<void> store_block(link_use from, blob_use of, std::uint32_t leaf,
                                swarm::leaf_buffer data);
    void judge_wrong_block(link& l, shared_blob& b, std::uint32_t leaf);
    void start_leaf(link& l, const swarm::send& what);
    awaitable<void> send_leaf(link_use to, blob_use of, std::uint32_t leaf,
                              swarm::leaf_buffer data);
    awaitable<void> reopen(blob_use use);
    void release_readers(shared_blob& b);
    bool everybody_has_answered(const shared_blob& b) const;
    static bool is_usable(const shared_blob& b);
    shared_blob* blob_of(swarm::blob_no no);

    // driver_link.cpp
    void connect_to(const host::peer_id& peer);
    void connect_to_all();
    link* make_link(const host::peer_id& peer);
    awaitable<void> write_to(link_use to);
    awaitable<void> serve(host::inbound in);
    awaitable<void> read_from(link& l, host::stream& in);
    void take_events(link& l);
    void take(link& l, swarm::message& m);
    void take_join(link& l, const swarm::join& m);
    void take_for_blob(link& l, remote_blob& r, shared_blob& b, swarm::message& m);
    bool may_look_up(const crypto::digest& digest, swarm::peer_no asker) const;
    awaitable<void> look_up(crypto::digest digest);
    awaitable<void> ban(host::peer_id peer, std::string why);
    void take_block(link& l, swarm::block_received& m);
    void send(link& l, const swarm::message& m);
    void drop_link(link& l);
    void punish(link& l, std::string why);

    executor executor_;
    aio::pool& workers_;
    host::host& host_;
    store::content_store& store_;
    options options_;
    std::uint64_t seed_;
    swarm::leaf_buffers buffers_;
    swarm::holdings who_has_;
    swarm::scheduler scheduler_;
    swarm::uploader uploader_;
    std::list<shared_blob> blobs_;
    std::list<link> links_;
    std::map<host::peer_id, steady_time> retry_at_;
    aio::task_group tasks_;
    asio::steady_timer timer_;
    steady_time armed_{};  ///< when the clock wakes
    aio::event idle_;      ///< a link has one user less
    aio::event stored_;    ///< a leaf is on the disk
    aio::event unused_;    ///< a blob has one user less
    std::size_t storing_ = 0;
    std::vector<std::pair<crypto::digest, swarm::peer_no>> looking_up_;  ///< and who asked
    std::optional<steady_time> news_due_;
    steady_time sweep_due_{};
    bool running_ = false;
    std::optional<subscribers<host::peer_event>::subscription> peers_;
    std::optional<subscribers<crypto::digest>::subscription> arrivals_;
    std::uint64_t sent_bytes_ = 0;
    std::uint64_t received_bytes_ = 0;
    std::uint64_t wasted_bytes_ = 0;
};

}  // namespace dm::sharing
