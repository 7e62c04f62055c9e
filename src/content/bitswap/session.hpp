#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "content/bitswap/message.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::bitswap {

using multiformats::peer_id;

struct session_options {
    std::size_t window_start = 16;  ///< blocks asked of one peer at once, at first
    std::size_t window_max = 256;
    std::size_t broadcast_max = 32;      ///< blocks that everybody is being asked about
    std::size_t refusals_in_a_row = 16;  ///< DONT_HAVEs after which a peer is asked less
    /// Providers are searched for when the connected peers have said nothing for so long, and again
    /// at this interval; at once when they all lack a block, but at most every search_delay.
    std::chrono::milliseconds search_delay{1'000};
    std::chrono::milliseconds search_interval{10'000};
    std::chrono::milliseconds steal_after_min{500};
    /// Peers that have not shown to be of use are asked whether they have one of the blocks, again
    /// after this time and then twice as long each time.
    std::chrono::milliseconds probe_interval{1'000};
    std::size_t probe_min = 8;  ///< … when so many blocks are wanted
};

/// What a session wants done.
struct session_action {
    enum class kind {
        ask_block,  ///< of this peer
        ask_have,
        cancel,  ///< what it was asked
        search,  ///< for providers of the block; answered by searched()
        give_up  ///< nobody has it: it is wanted no more
    };
    kind what;
    cid id;
    std::optional<peer_id> peer{};

    friend bool operator==(const session_action&, const session_action&) = default;
};

/// Gets the blocks of one tree from whoever has them: finds out who does, asks each peer for as
/// many blocks at once as it delivers without delay, each block of one peer; moves on when a peer
/// lacks a block, is silent, or holds up the last ones. Without I/O.
class session {
  public:
    explicit session(session_options o = {}) : options_(o) {}

    /// Blocks that are needed, the most urgent first; they come after those wanted earlier.
    void want(steady_time now, const std::vector<cid>& ids);
    /// No longer needed.
    void cancel(const cid& id);

    /// A peer that speaks bitswap is connected. `is_provider`: it is said to have the content.
    /// `has_presence`: it can say HAVE (version 1.2).
    void peer_there(steady_time now, const peer_id& peer, bool has_presence, bool is_provider);
    void peer_gone(steady_time now, const peer_id& peer);

    void have(steady_time now, const peer_id& peer, const cid& id);
    /// `is_silence`: it said nothing for too long, and need not be told that the want is over.
    void dont_have(steady_time now, const peer_id& peer, const cid& id, bool is_silence);
    /// The block has arrived, from this peer or (nullopt) otherwise. False when it was not wanted.
    bool block(steady_time now, std::optional<peer_id> peer, const cid& id);
    /// A search for providers has ended; those that could be reached are there already.
    void searched(steady_time now);

    void tick(steady_time now);
    std::optional<session_action> poll();
    std::optional<steady_time> deadline() const;

    std::size_t wanted() const noexcept { return items_.size(); }

  private:
    using order = std::uint64_t;
    enum class place {
        pending,    ///< to be asked for
        asked,      ///< of one peer
        broadcast,  ///< everybody is asked who has it
        stuck       ///< nobody has it
    };
    struct item {
        place at = place::pending;
        order urgency = 0;
        order asked_order = 0;
        std::optional<peer_id> from{};  // who is asked for the block
        steady_time asked{};
        std::set<peer_id> told{};  // who was asked anything about it
        std::set<peer_id> having{};
        std::set<peer_id> lacking{};
        bool is_searched = false;  // providers were searched for while it was wanted
    };
    struct member {
        bool has_presence = true;
        bool is_useful = false;  // has, or is said to have, some of it
        std::size_t asked = 0;   // blocks
        std::size_t window = 0;
        std::size_t refusals = 0;
        std::uint32_t probes = 0;
        steady_time next_probe{};
        std::chrono::nanoseconds latency{0};      // averaged; 0: not known
        std::chrono::nanoseconds latency_min{0};  // of all
    };

    void emit(session_action::kind what, const cid& id, std::optional<peer_id> peer = {});
    void assign(steady_time now);
    bool assign_one(steady_time now, const cid& id, item& it);
    const peer_id* choose(const item& it) const;
    bool may_have(const peer_id& peer, const member& m, const item& it) const;
    bool is_known_somewhere(const item& it) const;
    void ask(steady_time now, const cid& id, item& it, const peer_id& peer);
    void move(const cid& id, item& it, place to);
    void broadcast(const cid& id, item& it);
    void settle_broadcast(const cid& id, item& it);
    void probe(steady_time now);
    void give_up_hopeless();
    void consider_search(steady_time now);
    void steal(steady_time now);
    std::chrono::nanoseconds patience(const member& m) const;
    void measure(member& m, std::chrono::nanoseconds latency) const;
    void make_useful(member& m) const;
    std::optional<steady_time> search_time() const;

    session_options options_;
    std::unordered_map<cid, item> items_;
    std::map<order, cid> pending_;  // by urgency
    std::map<order, cid> asked_;    // by when they were asked
    std::set<cid> broadcast_;
    std::set<cid> stuck_;
    std::map<peer_id, member> members_;
    std::deque<session_action> actions_;
    order last_order_ = 0;
    steady_time now_{};
    bool is_searching_ = false;
    std::optional<steady_time> idle_since_;  // since when some block is asked of nobody
    std::optional<steady_time> last_search_;
};

}  // namespace dm::bitswap
