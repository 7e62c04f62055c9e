#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "libp2p/kad/message.hpp"
#include "libp2p/kad/routing_table.hpp"

namespace dm::kad {

struct lookup_options {
    std::size_t parallel = 10;  ///< α: requests under way at once
    std::size_t width = 20;     ///< k: how many of the closest are wanted
    /// β: the lookup has converged when so many of the closest have answered and nobody closer is
    /// known.
    std::size_t confirmed = 3;
    /// All of the `width` closest are to answer, as for storing something with them.
    bool is_thorough = false;
    std::size_t candidates_max = 512;
};

/// Finds the servers closest to a key, by asking closer and closer ones; what else they answer is
/// the caller's. Without I/O. Spec: libp2p kad-dht "Lookups".
class lookup {
  public:
    lookup(key target, const std::vector<peer_id>& seeds, lookup_options o = {});

    /// Whom to ask next; nullopt when enough requests are under way, or it is over.
    std::optional<peer_id> next();
    /// It has answered, and knows these.
    void answered(const peer_id& who, const std::vector<peer_id>& closer);
    /// It has not.
    void failed(const peer_id& who);
    /// No more requests: enough is known.
    void stop() noexcept { is_stopped_ = true; }

    bool is_done() const;
    /// The closest that have answered, closest first, at most `width`.
    std::vector<peer_id> closest() const;

  private:
    enum class state { known, asked, answered, failed };
    struct candidate {
        peer_id id;
        state at = state::known;
    };

    void add(const peer_id& id);
    bool is_converged() const;
    candidate* find(const peer_id& id);

    key target_;
    lookup_options options_;
    std::map<key, candidate> candidates_;  // by distance
    std::size_t under_way_ = 0;
    bool is_stopped_ = false;
};

}  // namespace dm::kad
