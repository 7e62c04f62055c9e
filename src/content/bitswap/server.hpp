#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "content/bitswap/message.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::bitswap {

using multiformats::peer_id;

struct server_options {
    std::size_t wants_per_peer_max = 1024;  ///< as boxo
    std::size_t presences_per_peer_max = 4096;
    /// Blocks that are read or being sent, over all peers.
    std::size_t bytes_in_flight_max = 8 * 1024 * 1024;
    /// A message takes no further block once it has so many bytes.
    std::size_t message_bytes_target = 384 * 1024;
    std::size_t jobs_per_peer_max = 2;      ///< one is read from the disk while one is sent
    std::size_t have_replace_bytes = 1024;  ///< want-have gets a block up to this size itself
    std::chrono::milliseconds backoff_min{2'000};
    std::chrono::milliseconds backoff_max{120'000};
};

/// A message to be sent to a peer: read the blocks, encode, write, then report.
struct job {
    peer_id peer;
    std::uint64_t connection = 0;  ///< which of the peer's: one that is over counts no more
    struct item {
        cid id;
        bool send_dont_have = false;
    };
    std::vector<item> blocks{};
    std::vector<presence> presences{};
    std::size_t bytes = 0;          ///< of the blocks
    std::size_t pending_bytes = 0;  ///< of blocks that wait for the next message
};

/// What was exchanged with a peer since it connected.
struct exchanged {
    std::uint64_t sent_bytes = 0;
    std::uint64_t sent_blocks = 0;
    std::size_t wants = 0;  ///< registered now
};

/// Serves blocks: remembers who wants what, and decides whom to send what next. The peer that was
/// sent least goes first; one that does not read holds up nobody else. Without I/O: look-ups and
/// reads are done by the caller.
/// Spec: ipfs specs bitswap-protocol.md; limits as boxo's engine.
class server {
  public:
    explicit server(server_options o = {}) : options_(o) {}

    /// Takes a wantlist; returns the CIDs to look up in the store, for looked_up().
    std::vector<cid> receive(const peer_id& peer, const std::vector<want>& wants, bool full);
    /// `size` in bytes of the block, nullopt when it is not here.
    void looked_up(const peer_id& peer, const cid& id, std::optional<std::size_t> size);
    /// A block has come into the store: those who wait for it get it.
    void arrived(const cid& id, std::size_t size);
    /// What somebody waits for.
    std::vector<cid> waited_for() const;
    /// Its last connection is gone, and with it what it wanted.
    void peer_gone(const peer_id& peer);

    /// The next message to send, if there is one that may be sent now. Call again after any input.
    std::optional<job> next(steady_time now);
    /// The job's block is no longer in the store.
    void vanished(const job& j, const job::item& block);
    /// The job is over; `delivered` when the peer has taken it. Otherwise its blocks are not sent
    /// again unless they are asked for again, and the peer has to wait.
    void finished(steady_time now, const job& j, bool delivered);
    /// When next() has more to give though nothing has happened.
    std::optional<steady_time> deadline() const;

    exchanged ledger(const peer_id& peer) const;
    std::size_t bytes_in_flight() const noexcept { return in_flight_; }

  private:
    enum class place { looking, absent, queued };
    struct entry {
        std::int32_t priority = 0;
        want_type type = want_type::block;
        bool send_dont_have = false;
        place at = place::looking;
        std::size_t size = 0;
        std::uint64_t order = 0;
    };
    /// Highest priority first, then first come.
    struct rank {
        std::int64_t priority;
        std::uint64_t order;
        friend auto operator<=>(const rank&, const rank&) = default;
    };
    struct client {
        std::uint64_t connection = 0;
        std::unordered_map<cid, entry> wants;
        std::map<rank, cid> queue;            // of those that are `queued`
        std::map<std::uint64_t, cid> absent;  // by order
        std::size_t queued_bytes = 0;
        std::deque<presence> presences;
        std::uint64_t turn = 0;  // virtual time: bytes sent, made up for idle times
        std::size_t jobs = 0;
        std::size_t in_flight = 0;
        bool is_proven = false;  // has taken a message since it last failed to
        std::uint32_t failures = 0;
        std::optional<steady_time> not_before;
        exchanged total;
    };

    static rank rank_of(const entry& e) { return {-std::int64_t{e.priority}, e.order}; }
    bool take_want(client& c, const peer_id& peer, const want& w);
    bool make_room(client& c, const peer_id& peer, const want& w);
    void enqueue(client& c, const cid& id, entry& e, std::size_t size);
    void dequeue(client& c, entry& e);
    void erase(client& c, const peer_id& peer, std::unordered_map<cid, entry>::iterator which);
    client& client_of(const peer_id& peer);
    client* find(const job& j);
    void wait_for(client& c, const peer_id& peer, const cid& id, entry& e);
    void stop_waiting(client& c, const peer_id& peer, const cid& id, const entry& e);
    void answer(client& c, const cid& id, bool have);
    bool may_send(const client& c) const;
    job make_job(const peer_id& peer, client& c);

    server_options options_;
    std::map<peer_id, client> clients_;
    std::unordered_map<cid, std::vector<peer_id>> waiting_;
    std::size_t in_flight_ = 0;
    std::size_t unproven_in_flight_ = 0;
    std::uint64_t turn_ = 0;
    std::uint64_t order_ = 0;
    std::uint64_t connections_ = 0;
};

}  // namespace dm::bitswap
