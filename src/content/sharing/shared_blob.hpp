#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "aio/event.hpp"
#include "base/clock.hpp"
#include "content/store/content_store.hpp"
#include "content/swarm/holdings.hpp"
#include "content/swarm/message.hpp"

namespace dm::sharing {

/// A blob that this node fetches, serves, or is asked about.
struct shared_blob {
    shared_blob(executor ex, const crypto::digest& d, swarm::channel_no c)
        : digest(d), channel(c), changed(std::move(ex)) {}

    crypto::digest digest;
    swarm::channel_no channel;
    std::optional<swarm::blob_no> no;  ///< once its size is known
    std::uint64_t size = 0;
    std::vector<swarm::leaf_hash> hashes;  ///< all zero: not known
    swarm::leaf_set hashed;
    std::vector<swarm::peer_no> hash_from;  ///< who said so, while it is not certain
    bool certain = false;                   ///< the hashes follow from `root`, or are our own
    std::optional<multiformats::cid> root;
    std::optional<swarm::peer_no> asked_hashes;  ///< of this peer
    steady_time asked_hashes_at{};

    store::arrival* writing = nullptr;            ///< the fetch's
    std::optional<store::arrival_lease> reading;  ///< an import's
    std::optional<store::open_blob> stored;
    bool fetching = false;
    int asking = 0;                   ///< coroutines that want to know its size
    std::vector<std::uint32_t> news;  ///< leaves that peers have not been told of
    std::optional<error> failed;
    steady_time last_use{};
    steady_time last_data{};
    std::size_t storing = 0;  ///< leaves on their way to the disk
    int users = 0;            ///< coroutines that refer to it
    aio::event changed;

    /// Peers are told that it is wanted.
    bool wanted() const noexcept { return fetching || asking > 0; }
};

/// Keeps a blob open. A task has it from before it starts: it is handed in as an argument.
class blob_use {
  public:
    /// `unused` is notified at the end.
    blob_use(shared_blob& b, aio::event& unused) : b_(&b), unused_(&unused) { ++b.users; }
    blob_use(blob_use&& other) noexcept
        : b_(std::exchange(other.b_, nullptr)), unused_(other.unused_) {}
    blob_use& operator=(blob_use&&) = delete;
    ~blob_use() {
        if (!b_)
            return;
        --b_->users;
        b_->changed.notify_all();
        unused_->notify_all();
    }
    shared_blob& operator*() const noexcept { return *b_; }

  private:
    shared_blob* b_;
    aio::event* unused_;
};

}  // namespace dm::sharing
