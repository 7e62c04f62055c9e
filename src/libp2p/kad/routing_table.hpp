#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/rng.hpp"
#include "libp2p/kad/key.hpp"

namespace dm::kad {

/// Peers of one bucket, and of one answer.
constexpr std::size_t bucket_peers_max = 20;

/// Buckets that are filled on purpose; deeper ones fill by looking for oneself.
constexpr std::size_t refreshed_buckets_max = 10;

/// A DHT server that we know.
struct contact {
    peer_id id;
    kad::key key;
    steady_time added{};
    steady_time useful{};  ///< when it last answered

    friend bool operator==(const contact&, const contact&) = default;
};

/// The DHT servers that a node knows, in buckets by the bits that their keys share with its own:
/// many near ones, a few of everywhere. Old ones that answer stay; one that fails is dropped.
/// Without I/O. Spec: libp2p kad-dht "Kademlia Routing Table".
class routing_table {
  public:
    /// A full bucket gives up a peer that has not answered for `stale_after`.
    explicit routing_table(key self, std::chrono::minutes stale_after = std::chrono::minutes(30));

    /// A server that has just answered. False when its bucket is full of good ones.
    bool answered(steady_time now, const peer_id& id);
    /// It did not answer.
    void failed(const peer_id& id);

    bool contains(const peer_id& id) const;
    std::size_t size() const noexcept;
    /// Up to `count`, closest to the key first.
    std::vector<peer_id> closest(const key& to, std::size_t count = bucket_peers_max) const;
    std::vector<contact> contacts() const;
    /// Those that have not answered since, oldest first: to be checked.
    std::vector<peer_id> unheard_since(steady_time t) const;

    /// Made-up peers to look for so that all parts of the table are filled: one of each bucket down
    /// to the deepest that is used, and one beyond, refreshed_buckets_max at most.
    std::vector<peer_id> refresh_targets(rng& random) const;

  private:
    std::vector<contact>& bucket_of(const key& k);

    key self_;
    std::chrono::minutes stale_after_;
    std::vector<std::vector<contact>> buckets_;  // by common prefix, one for each bit
};

}  // namespace dm::kad
