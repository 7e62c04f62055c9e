#pragma once

#include <chrono>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "libp2p/kad/message.hpp"

namespace dm::kad {

struct provider_store_options {
    std::chrono::hours validity{48};
    std::size_t records_max = 100'000;     ///< over all keys
    std::size_t records_per_key_max = 64;  ///< of other peers
    std::size_t records_per_peer_max = 10'000;
};

/// Who provides what, as other peers have told this server. Addresses are kept elsewhere. Without
/// I/O. Spec: libp2p kad-dht "Content provider advertisement".
class provider_store {
  public:
    explicit provider_store(provider_store_options o = {}) : options_(o) {}

    /// The record is renewed when it is known. When a limit is reached the oldest record of the
    /// key, of the peer or of all gives way.
    void add(steady_time now, byte_view key, const peer_id& provider);
    /// Those whose records are valid, newest first.
    std::vector<peer_id> providers(steady_time now, byte_view key) const;
    void expire(steady_time now);
    std::size_t size() const noexcept { return by_age_.size(); }

  private:
    struct record {
        std::string key;
        peer_id provider;
        steady_time added;
    };
    using records = std::list<record>;

    void remove(records::iterator which);

    provider_store_options options_;
    records by_age_;                                                        // oldest first
    std::unordered_map<std::string, std::list<records::iterator>> by_key_;  // oldest first
    std::unordered_map<peer_id, std::list<records::iterator>> by_peer_;     // oldest first
};

}  // namespace dm::kad
