#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "content/swarm/holdings.hpp"
#include "content/swarm/peer_rate.hpp"

namespace dm::swarm {

/// Leaves that one peer may have asked for at once, blanks included; more are refused.
constexpr std::size_t asked_leaves_max = 256;

struct uploader_options {
    /// Leaves on their way out at once are few, so that each is whole, and can be passed on, early;
    /// but as many as go out in this time, so that no connection has to be fast alone.
    std::chrono::milliseconds slots_time{750};
    std::uint32_t slots_min = 2;
    std::uint32_t slots_fast_max = 8;
    /// A leaf that takes this long no longer keeps others from starting…
    std::chrono::milliseconds slow_after{1'000};
    /// …up to this many.
    std::uint32_t slots_max = 64;
    /// A leaf that was given to one peer only is given to another when nobody has it by then.
    std::chrono::seconds placed_for{15};
};

/// Send this leaf. `chosen`: it answers ask_any, and the peer does not know yet which one it is.
struct send {
    peer_no peer;
    leaf_ref leaf;
    bool chosen;
};
/// Tell the peer that it will not get this leaf from here.
struct refuse {
    peer_no peer;
    leaf_ref leaf;
};
/// Tell the peer that nothing is given out by choice any more.
struct no_more {
    peer_no peer;
    blob_no blob;
};
using upload_event = std::variant<refuse, no_more>;

/// Decides which leaf to send to whom next. A leaf that the fewest peers have goes first, peers
/// take turns. As a source it gives each leaf that no partner has yet to one peer only, until all
/// are out: so the swarm as a whole gets the blob in the time of one copy. No I/O.
class uploader {
  public:
    uploader(holdings& who_has, std::uint64_t seed, uploader_options o = {});

    void asked(steady_time now, peer_no peer, leaf_ref leaf);
    /// `from`: where the peer would like it to be; by default at a place of our own.
    void asked_any(steady_time now, peer_no peer, blob_no blob,
                   std::optional<std::uint32_t> from = {});
    /// Refuses it if it was not begun; otherwise it is on its way.
    void cancelled(peer_no peer, leaf_ref leaf);
    void peer_left(peer_no peer);
    /// The peer takes no part in the blob any more.
    void blob_left(peer_no peer, blob_no blob);
    void blob_removed(blob_no blob);

    /// Whether leaves of this blob are given out by choice: asked_any() is welcome.
    bool directs(blob_no blob);

    /// The leaf to start with now. Until sent() it occupies a slot.
    std::optional<send> next(steady_time now);
    void sent(steady_time now, peer_no peer, leaf_ref leaf);
    /// When next() may have something although nothing happened.
    steady_time deadline(steady_time now) const noexcept;

    std::optional<upload_event> poll();

    std::size_t queued() const noexcept { return queued_; }
    std::size_t active() const noexcept { return active_.size(); }

  private:
    struct item {
        leaf_ref leaf;  ///< nothing is said about the leaf itself where any will do
        bool any;
        steady_time asked;
        std::optional<std::uint32_t> from{};
    };
    struct peer_state {
        std::vector<item> items;
        std::uint64_t last_turn = 0;
        std::uint32_t active = 0;
    };
    struct active_send {
        peer_no peer;
        leaf_ref leaf;
        steady_time since;
    };
    struct placement {
        peer_no peer;
        std::uint32_t leaf;
        steady_time when;
    };
    struct source_state {
        leaf_set placed;               ///< given to somebody
        std::vector<placement> given;  ///< and had by nobody else
        bool ended = false;
    };
    struct choice {
        peer_no peer = 0;
        std::size_t item = 0;
        leaf_ref leaf{};
        std::uint64_t key = 0;
        std::uint64_t held_back = 0;
    };

    bool accept(peer_no peer);
    std::optional<std::uint32_t> unplaced(blob_no blob, peer_no peer,
                                          std::optional<std::uint32_t> from) const;
    void expire(steady_time now, blob_no blob, source_state& s);
    std::uint64_t unspread(blob_no blob, peer_no peer) const;
    void end_directing(blob_no blob);
    std::uint32_t slots() const;
    std::uint32_t slots_taken(steady_time now) const;
    std::uint64_t copies(leaf_ref leaf) const;
    std::optional<choice> best_of(steady_time now, peer_no peer, peer_state& p);

    holdings& who_has_;
    std::uint64_t seed_;
    uploader_options options_;
    std::unordered_map<peer_no, peer_state> peers_;
    std::unordered_map<blob_no, source_state> sources_;
    std::vector<active_send> active_;
    peer_rate rate_;
    std::deque<upload_event> events_;
    std::uint64_t turn_ = 0;
    std::size_t queued_ = 0;
};

}  // namespace dm::swarm
