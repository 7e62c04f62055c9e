#pragma once

#include <functional>
#include <set>
#include <vector>

#include "content/bitswap/driver.hpp"
#include "content/bitswap/driver_joined_blockstore.hpp"
#include "content/bitswap/driver_store.hpp"
#include "content/store/content_store.hpp"
#include "libp2p/host/host.hpp"
#include "libp2p/kad/driver_routing.hpp"

namespace dm::daemon {

/// This node as a peer of IPFS: serves the blocks of its store over bitswap, fetches others', finds
/// providers in the DHT and tells there what it has: each blob as the raw block that its SHA2-256
/// names, the files of blobs, and the roots of images and pins.
class ipfs {
  public:
    /// `roots` says which roots are here whole; it is asked whenever that may have changed.
    using held_roots = std::function<awaitable<std::vector<multiformats::cid>>()>;

    /// Blocks of `more` are served and found here, too.
    ipfs(executor ex, aio::pool& workers, host::host& peers, store::content_store& content,
         bitswap::blockstore& more);

    void start(held_roots roots);
    awaitable<void> stop();
    /// Something was imported, pinned or removed.
    void content_changed();

    bitswap::exchange& blocks() noexcept { return exchange_; }
    kad::routing& routing() noexcept { return routing_; }

  private:
    awaitable<void> keep_providing(held_roots roots);
    awaitable<void> provide(const held_roots& roots);

    store::content_store& content_;
    bitswap::store_blocks content_blocks_;
    bitswap::joined_blockstore blocks_;
    kad::routing routing_;
    bitswap::exchange exchange_;
    std::set<multiformats::multihash> provided_;
    bool has_changed_ = true;
    aio::event changed_;
    aio::task_group group_;
    std::optional<subscribers<store::blob_info>::subscription> watching_;
};

}  // namespace dm::daemon
