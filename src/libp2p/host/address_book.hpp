#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "multiformats/multiaddr.hpp"

namespace dm::host {

using multiformats::multiaddr;
using multiformats::peer_id;

/// Where peers may be found, and how the last attempts to reach them went. Times are those of the
/// wall clock, since the book outlives the process.
class address_book {
  public:
    static constexpr std::size_t peers_max = 8192;
    static constexpr std::size_t addresses_of_peer_max = 32;
    /// Waits after attempts that failed: the first is short, each longer than the one before.
    static constexpr std::chrono::seconds back_off_min{1};
    static constexpr std::chrono::seconds back_off_max{300};

    struct entry {
        multiaddr address;  ///< without /p2p
        wall_time expires;
        wall_time last_success;  ///< epoch: never
    };

    /// An address that is known keeps the later expiry. Past the limits the entries that expire
    /// first go, of peers as of addresses.
    void add(const peer_id& peer, const multiaddr& address, wall_time expires);
    void succeeded(const peer_id& peer, const multiaddr& address, wall_time now);
    void failed(const peer_id& peer, wall_time now);
    /// When the peer may be tried again; the past when at once.
    wall_time retry_at(const peer_id& peer) const;

    /// Those that have not expired, the last that worked first.
    std::vector<multiaddr> addresses_of(const peer_id& peer, wall_time now) const;
    /// All entries of all peers that have not expired, for keeping them.
    std::vector<std::pair<peer_id, entry>> entries(wall_time now) const;
    /// Puts a kept entry back.
    void restore(const peer_id& peer, entry e);
    void forget_expired(wall_time now);
    std::size_t size() const noexcept { return peers_.size(); }

  private:
    struct record {
        std::vector<entry> addresses;
        int failures = 0;
        wall_time retry_at;
    };
    static wall_time latest(const record& r);
    record& record_of(const peer_id& peer);

    std::map<peer_id, record> peers_;
};

}  // namespace dm::host
