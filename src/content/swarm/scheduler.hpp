#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "content/swarm/holdings.hpp"
#include "content/swarm/peer_rate.hpp"

namespace dm::swarm {

struct scheduler_options {
    /// How far ahead of the data a peer, and all together, are asked, on top of the delay.
    std::chrono::milliseconds peer_lead{500};
    std::chrono::milliseconds total_lead{3'000};
    std::uint32_t peer_leaves_min = 2;
    std::uint32_t peer_leaves_max = 64;
    std::uint32_t total_leaves_min = 32;
    std::uint32_t total_leaves_max = 128;
    /// A peer that has delivered nothing this long while asked is taken for stalled (more when it
    /// is known to be slow)…
    std::chrono::milliseconds stall_min{5'000};
    /// …and is given up after this long.
    std::chrono::seconds silence_max{30};
    /// What a reader gets first: this many leaves from where it reads, in order (8 MiB).
    std::uint32_t read_ahead_leaves = 32;
    /// A blob of at most this many leaves goes before all others.
    std::uint32_t small_blob_leaves = 2;
};

/// Ask `peer` for this leaf.
struct ask {
    peer_no peer;
    leaf_ref leaf;
};
/// Ask `peer`, a source, for a leaf of its choice; at or behind `from` if it can.
struct ask_any {
    peer_no peer;
    blob_no blob;
    std::optional<std::uint32_t> from;
};
/// Tell `peer` that the leaf is not needed from it any more. It answers with a refusal if it has
/// not begun to send.
struct cancel {
    peer_no peer;
    leaf_ref leaf;
};
/// Have nothing more to do with `peer`; it is gone from the scheduler already.
struct drop {
    peer_no peer;
    std::string_view why;
};
using action = std::variant<ask, ask_any, cancel, drop>;

/// Decides which leaf to ask of which peer next. Events and `now` go in, actions come out of poll()
/// until it is empty; tick() is due at deadline(). No I/O, and the same events give the same
/// actions.
///
/// A source that hands out leaves nobody has yet is asked for "any": it alone knows what it gave to
/// whom, so each leaf leaves it about once. From all others the rarest leaf that they have is
/// asked, ties broken at random, from the peer with the least to do for us. No leaf is asked of two
/// peers, except when the first one stalls; a peer that has run dry takes over what waits at a
/// slower one.
class scheduler {
  public:
    scheduler(holdings& who_has, std::uint64_t seed, scheduler_options o = {});

    /// Starts to fetch what is missing of the blob.
    void want(steady_time now, blob_no blob);
    /// Stops fetching; what is under way is cancelled.
    void unwant(steady_time now, blob_no blob);
    /// A client reads this blob from `first` on; nullopt: no more.
    void read_from(steady_time now, blob_no blob, std::optional<std::uint32_t> first);

    void peer_joined(steady_time now, peer_no peer);
    /// After holdings lost the peer.
    void peer_left(steady_time now, peer_no peer);
    /// What the peer has, as holdings know it, has become more.
    void peer_gained(steady_time now, peer_no peer);
    /// The peer takes no part in the blob any more; after holdings know it.
    void blob_left(steady_time now, peer_no peer, blob_no blob);
    /// Whether the source gives out leaves of its own choice at present.
    void directs(steady_time now, peer_no peer, blob_no blob, bool yes);

    /// Bytes of the leaf have come in, the last ones too.
    void progress(steady_time now, peer_no peer, leaf_ref leaf, std::size_t bytes);
    /// The peer has chosen this leaf in answer to ask_any, and is sending it.
    void chosen(steady_time now, peer_no peer, leaf_ref leaf);
    /// The leaf is complete and right; holdings know it.
    void received(steady_time now, peer_no peer, leaf_ref leaf);
    /// The leaf was not what its hash says. Ends in drop.
    void received_wrong(steady_time now, peer_no peer, leaf_ref leaf);
    /// The peer will not send the leaf: we cancelled in time, or it does not have it, which
    /// holdings are told.
    void refused(steady_time now, peer_no peer, leaf_ref leaf);

    std::optional<action> poll();
    void tick(steady_time now);
    steady_time deadline() const noexcept { return next_tick_; }

    /// Leaves asked for and not here yet.
    std::size_t outstanding() const noexcept { return outstanding_; }
    std::size_t outstanding(peer_no peer) const noexcept {
        return peers_[peer].requests.size() + peers_[peer].blanks.size();
    }
    /// Bytes a second from all peers at present.
    double rate() const noexcept { return total_rate_.bytes_per_second(); }
    bool wanted(blob_no blob) const noexcept { return blob < blobs_.size() && blobs_[blob].wanted; }

  private:
    struct request {
        leaf_ref leaf;
        steady_time asked;
        bool begun = false;       ///< some of it has come
        bool cancelling = false;  ///< we do not want it from here any more
        steady_time cancelled{};
        bool late = false;  ///< another peer may be asked as well
    };
    struct blank {
        blob_no blob;
        steady_time asked;
    };
    struct peer_state {
        bool used = false;
        std::vector<request> requests;
        std::vector<blank> blanks;
        std::vector<blob_no> directs;
        bool source = false;  ///< has directed something
        peer_rate rate;
        steady_time last_data{};
        std::uint64_t bytes_since = 0;
        bool proven = false;     ///< has delivered a leaf
        bool stalled = false;    ///< asked for one leaf at a time until it delivers
        bool exhausted = false;  ///< has nothing that we could ask for
    };
    struct blob_state {
        bool wanted = false;
        leaf_set pending;  ///< asked of somebody who is expected to deliver
        std::uint32_t blanks = 0;
        std::size_t full_words = 0;  ///< at its start all is here
        std::optional<std::uint32_t> reading;
    };

    using requests = std::vector<request>;
    requests::iterator find(peer_state& p, leaf_ref leaf);
    bool is_small(blob_no blob) const;
    bool directs(const peer_state& p, blob_no blob) const;
    std::optional<std::uint32_t> in_order_from(blob_no blob);
    bool needed(leaf_ref leaf) const;
    std::uint32_t unasked(blob_no blob) const;
    std::size_t window(const peer_state& p) const;
    std::size_t budget() const;
    bool has_room(const peer_state& p) const;

    void fill(steady_time now);
    bool ask_from(steady_time now, peer_no peer);
    bool ask_blank(steady_time now, peer_no peer);
    std::optional<leaf_ref> urgent(peer_no peer) const;
    std::optional<leaf_ref> rarest(peer_no peer, bool small) const;
    void put(steady_time now, peer_no peer, leaf_ref leaf, bool begun);
    void forget(peer_no peer, requests::iterator it, bool free_leaf);
    void free_leaf(leaf_ref leaf, peer_no except);
    void cancel_request(steady_time now, peer_no peer, request& r);
    void cancel_elsewhere(steady_time now, leaf_ref leaf, peer_no except);
    void steal(steady_time now);
    void steal_for(steady_time now, peer_no thief);
    void check_stalled(steady_time now, peer_no peer);
    void give_up(peer_no peer, std::string_view why);
    void revive_all();
    bool is_end_game() const;
    bool may_repeat() const;
    double leaf_seconds(const peer_state& p) const;

    holdings& who_has_;
    std::uint64_t seed_;
    scheduler_options options_;
    std::vector<blob_state> blobs_;
    std::vector<blob_no> wanted_;
    std::vector<peer_state> peers_;
    std::size_t outstanding_ = 0;  ///< requests and blanks
    peer_rate total_rate_;
    std::chrono::duration<double> latency_max_{0};
    std::uint64_t turns_ = 0;
    std::deque<action> actions_;
    steady_time next_tick_ = steady_time::max();
    steady_time next_steal_{};
};

}  // namespace dm::swarm
