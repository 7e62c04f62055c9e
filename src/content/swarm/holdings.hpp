#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "content/swarm/leaf_set.hpp"

namespace dm::swarm {

/// Bytes of a leaf: one block of a blob, as `ipfs add` cuts files.
constexpr std::uint32_t leaf_bytes = 262144;

/// Peers that are known at once, and blobs that are fetched or served at once.
constexpr std::size_t peers_max = 1024;
constexpr std::size_t blobs_max = 16384;

/// Numbers of this process; used again after removal.
using blob_no = std::uint32_t;
using peer_no = std::uint32_t;

/// A block: the n-th leaf of a blob.
struct leaf_ref {
    blob_no blob = 0;
    std::uint32_t leaf = 0;
    friend auto operator<=>(const leaf_ref&, const leaf_ref&) = default;
};

/// A source puts a blob into the swarm (it imports it, or had it before anybody asked); a partner
/// gets it from the swarm. A source hands out what no partner has yet in an order of its own.
enum class role : std::uint8_t { partner, source };

constexpr std::uint32_t leaf_count(std::uint64_t blob_bytes) {
    return blob_bytes == 0 ? 1
                           : static_cast<std::uint32_t>((blob_bytes + leaf_bytes - 1) / leaf_bytes);
}

/// Who has which leaves: this node and the peers it is connected to.
class holdings {
  public:
    blob_no add_blob(std::uint64_t size, leaf_set mine, role own);
    void remove_blob(blob_no blob);
    bool has_blob(blob_no blob) const noexcept { return blob < blobs_.size() && blobs_[blob].used; }
    std::size_t blob_count() const noexcept { return blob_count_; }
    peer_no add_peer();
    void remove_peer(peer_no peer);
    bool has_peer(peer_no peer) const noexcept { return peer < peers_.size() && peers_[peer].used; }
    std::size_t peer_count() const noexcept { return peer_count_; }

    /// True when it is news.
    bool gained(leaf_ref leaf);
    void lost(leaf_ref leaf);
    /// The peer takes part in this blob, and has these leaves of it. Replaces what was known.
    void peer_has(peer_no peer, blob_no blob, leaf_set set, role as);
    bool peer_gained(peer_no peer, leaf_ref leaf);
    void peer_lost(peer_no peer, leaf_ref leaf);
    void peer_left(peer_no peer, blob_no blob);

    std::uint64_t size(blob_no blob) const noexcept { return blobs_[blob].size; }
    std::uint32_t leaf_size(leaf_ref leaf) const noexcept;
    const leaf_set& mine(blob_no blob) const noexcept { return blobs_[blob].mine; }
    role own_role(blob_no blob) const noexcept { return blobs_[blob].own; }
    /// nullptr when the peer takes no part in it.
    const leaf_set* of_peer(peer_no peer, blob_no blob) const noexcept;
    bool peer_has_leaf(peer_no peer, leaf_ref leaf) const noexcept;
    role peer_role(peer_no peer, blob_no blob) const noexcept;
    /// Partners that have the leaf, this node not counted.
    std::uint32_t copies(leaf_ref leaf) const noexcept {
        return blobs_[leaf.blob].copies[leaf.leaf];
    }
    /// Calls `f(peer)` for every peer that takes part in the blob.
    void for_each_peer(blob_no blob, const std::function<void(peer_no)>& f) const;
    void for_each_blob(const std::function<void(blob_no)>& f) const;

  private:
    struct blob_state {
        bool used = false;
        std::uint64_t size = 0;
        role own = role::partner;
        leaf_set mine;
        std::vector<std::uint16_t> copies;
    };
    struct share {
        leaf_set set;
        role as = role::partner;
    };
    struct peer_state {
        bool used = false;
        std::unordered_map<blob_no, share> shares;
    };
    void count(blob_no blob, const share& s, int by);

    std::vector<blob_state> blobs_;
    std::vector<peer_state> peers_;
    std::size_t blob_count_ = 0;
    std::size_t peer_count_ = 0;
};

}  // namespace dm::swarm
