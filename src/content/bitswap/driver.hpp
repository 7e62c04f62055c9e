#pragma once

#include <map>
#include <memory>
#include <vector>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "content/bitswap/driver_blockstore.hpp"
#include "content/bitswap/peer_wants.hpp"
#include "content/bitswap/server.hpp"
#include "libp2p/host/host.hpp"

namespace dm::bitswap {

/// Finds peers that provide a block and tells of each as it is found; returns when it knows no
/// more.
using provider_found = std::function<void(const peer_id&, std::vector<multiformats::multiaddr>)>;
using provider_search = std::function<awaitable<void>(cid, provider_found)>;

struct exchange_options {
    server_options server{};
    peer_wants_options wants{};
    std::chrono::milliseconds open_timeout{10'000};
    /// Our streams are closed when they were not used for so long: Helia aborts them after 10 s.
    std::chrono::milliseconds stream_idle{5'000};
    /// Large messages that are read at once, of one peer and of all: each may need 4 MiB.
    std::size_t large_messages_per_peer_max = 4;
    std::size_t large_messages_max = 12;
    /// Blocks that nobody asked for, after which a peer is banned: one, and one more for each so
    /// many that were asked for.
    std::uint64_t unasked_tolerance = 1'000;
    std::chrono::minutes ban_time{10};
    std::size_t providers_max = 10;  ///< of one search that are connected to
    std::size_t searches_max = 4;    ///< at once
    std::chrono::milliseconds search_timeout{30'000};
    std::chrono::milliseconds connect_timeout{10'000};
};

/// Told of what comes from peers, within the call that causes it. Whoever asks for blocks.
class want_listener {
  public:
    virtual ~want_listener() = default;

    /// A peer that speaks bitswap is connected, or no longer. `has_presence`: it can say HAVE.
    virtual void on_peer(const peer_id& peer, bool is_there, bool has_presence) = 0;
    virtual void on_have(const peer_id& peer, const cid& id) = 0;
    /// `is_silence`: it did not answer in time, and has been told that the want is over.
    virtual void on_dont_have(const peer_id& peer, const cid& id, bool is_silence) = 0;
    /// A block whose bytes are what its CID says.
    virtual void on_block(const peer_id& peer, const cid& id,
                          const std::shared_ptr<const bytes>& data) = 0;
    /// About 20 times a second while is_busy().
    virtual void on_tick(steady_time now) = 0;
    virtual bool is_busy() const = 0;
    /// This peer is said to have what was searched for.
    virtual void on_provider(const peer_id& peer) = 0;
    virtual void on_searched() = 0;
};

/// A peer that speaks bitswap, and what was exchanged with it.
struct exchange_peer {
    peer_id id;
    bool has_presence = true;
    exchanged sent{};
    std::uint64_t received_bytes = 0;
    std::uint64_t received_blocks = 0;
    std::size_t wants = 0;  ///< of ours, registered there
};

/// Bitswap over a host: serves the blocks of a store to its peers, and asks peers for blocks on
/// behalf of listeners. Lives on the loop; blocks are hashed on the pool.
class exchange {
  public:
    /// Without a search only connected peers are asked.
    exchange(executor ex, aio::pool& workers, host::host& peers, blockstore& store,
             provider_search search = {}, exchange_options o = {});
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;
    ~exchange();

    void start();
    awaitable<void> stop();

    /// Blocks have come into the store: those who wait for some of them get them.
    void store_changed();

    // For listeners, which leave before the exchange is stopped.
    void add(want_listener& l);
    void remove(want_listener& l);
    /// Nothing happens when the peer is not there (any more).
    void ask(want_listener& l, const peer_id& peer, const cid& id, want_type type,
             std::int32_t priority = 1);
    void cancel(want_listener& l, const peer_id& peer, const cid& id);

    /// Looks for peers that have the block and connects to them; on_searched() ends it.
    void search(want_listener& l, const cid& id);

    std::vector<exchange_peer> peers() const;
    host::host& network() noexcept { return host_; }
    blockstore& store() noexcept { return store_; }
    const executor& get_executor() const noexcept { return executor_; }

  private:
    struct out_stream;
    struct connection;
    class use;

    connection* find(const peer_id& peer) const;
    connection& connection_of(const peer_id& peer, bool has_presence);
    void note_peer(const host::peer_info& peer);
    void drop(const peer_id& peer);
    awaitable<void> reap(std::unique_ptr<connection> c);

    awaitable<void> serve(host::inbound in);
    awaitable<void> read_messages(connection& c, host::stream& from);
    awaitable<void> take(connection& c, bytes wire);
    awaitable<void> take_wants(connection& c, std::vector<want> wants, bool full);
    void take_presences(connection& c, const std::vector<presence>& presences);
    awaitable<void> take_block(connection& c, block b);
    void note_unasked(connection& c);

    // Sending (driver_send.cpp).
    void pump();
    awaitable<void> send_job(connection& c, job j);
    awaitable<void> send_wants(connection& c);
    awaitable<void> write(connection& c, out_stream& to, const message& m);
    awaitable<void> open(connection& c, out_stream& to);
    awaitable<void> look_again();

    // Providers (driver_search.cpp).
    awaitable<void> run_search(want_listener* l, cid id);
    awaitable<void> connected_are_known();
    awaitable<void> look_for(cid id, want_listener* l, aio::task_group& approaches);
    awaitable<void> approach(peer_id peer, std::vector<multiformats::multiaddr> addresses,
                             want_listener* l);
    bool is_listening(const want_listener* l) const;

    awaitable<void> tick();
    bool is_busy() const;
    void wake() { activity_.notify_all(); }

    executor executor_;
    aio::pool& workers_;
    host::host& host_;
    blockstore& store_;
    provider_search search_;
    exchange_options options_;
    server server_;
    std::map<peer_id, std::unique_ptr<connection>> connections_;
    std::vector<want_listener*> listeners_;
    aio::limiter large_messages_;
    aio::limiter searches_;
    aio::event peers_changed_;
    aio::event activity_;
    aio::task_group group_;
    std::optional<subscribers<host::peer_event>::subscription> watching_;
    bool is_looking_again_ = false;
    bool is_stopping_ = false;
};

}  // namespace dm::bitswap
