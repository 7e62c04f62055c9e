#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "content/bitswap/message.hpp"

namespace dm::bitswap {

struct peer_wants_options {
    /// A want is given up when nothing has come from the peer for so long: before anything is known
    /// of it, and the bounds of what is derived from its latency then.
    std::chrono::milliseconds silence_unknown{5'000};
    std::chrono::milliseconds silence_min{1'000};
    std::chrono::milliseconds silence_max{10'000};
    /// … and when it is so old, whatever else the peer sends.
    std::chrono::milliseconds age_max{60'000};
    /// Bytes of an unfinished message that count as a sign of life.
    std::size_t sign_of_life_bytes = 16 * 1024;
    /// CIDs that were wanted once: their blocks may still come.
    std::size_t remembered_max = 4096;
    /// Changes that wait to be told; when there are more, the whole list is told anew.
    std::size_t changes_max = 8192;
};

/// What we have asked one peer for, and what has to be told to it. Without I/O.
/// Spec: ipfs specs bitswap-protocol.md "Wantlist".
class peer_wants {
  public:
    explicit peer_wants(peer_wants_options o = {}) : options_(o) {}

    /// Asking for the block after asking whether it is there is an upgrade; the reverse is nothing.
    void ask(steady_time now, const cid& id, want_type type, std::int32_t priority = 1);
    /// Nothing happens when it was not asked for.
    void cancel(const cid& id);

    /// What a block is that the peer has sent.
    enum class arrival {
        wanted,
        late,    ///< was asked for earlier
        unasked  ///< never
    };
    arrival block(steady_time now, const cid& id);
    /// Whether the answer is to something that was asked. After HAVE nothing is asked any more,
    /// after DONT_HAVE the peer still sends the block if it gets it.
    bool presence(steady_time now, const cid& id, bool have);
    /// Bytes have come, of whatever message.
    void received(steady_time now, std::size_t bytes);

    /// A want that is given up, each once; its cancel goes to the peer.
    std::optional<cid> expired(steady_time now);
    std::optional<steady_time> deadline() const;

    bool has_changes() const noexcept { return is_full_ || !changes_.empty(); }
    struct changes {
        std::vector<want> wants;
        bool full = false;  ///< nothing told before counts any more
    };
    /// What to tell the peer next, about `bytes_max` of it.
    changes take_changes(std::size_t bytes_max);
    /// The peer may not have got what was taken: it is told everything anew.
    void resend_all();

    std::size_t size() const noexcept { return wants_.size(); }
    /// Wants that wait for an answer.
    std::size_t outstanding() const noexcept { return waiting_.size(); }
    bool is_wanted(const cid& id) const { return wants_.contains(id); }
    /// From asking to the answer, averaged; nullopt before the first one.
    std::optional<std::chrono::nanoseconds> latency() const noexcept { return latency_; }

  private:
    using order = std::uint64_t;
    struct entry {
        want_type type = want_type::block;
        std::int32_t priority = 1;
        steady_time asked{};
        bool is_told = false;
        std::optional<order> waiting;  ///< position in waiting_; none once the peer said DONT_HAVE
    };
    struct change {
        cid id;
        bool cancel = false;
    };

    void note(const cid& id, bool cancel);
    void forget(const cid& id);
    void answered(steady_time now, entry& e);
    std::chrono::nanoseconds silence_limit() const;

    peer_wants_options options_;
    std::unordered_map<cid, entry> wants_;
    std::map<order, cid> waiting_;  // oldest first
    order last_order_ = 0;
    std::deque<change> changes_;
    bool is_full_ = false;
    std::list<cid> remembered_;  // oldest first
    std::unordered_map<cid, std::list<cid>::iterator> remembered_index_;
    std::optional<std::chrono::nanoseconds> latency_;
    steady_time alive_{};
    std::size_t bytes_since_alive_ = 0;
};

}  // namespace dm::bitswap
