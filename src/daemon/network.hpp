#pragma once

#include "daemon/config.hpp"
#include "daemon/data_dir.hpp"
#include "libp2p/host/bootstrap.hpp"
#include "libp2p/host/peer_store.hpp"
#include "libp2p/host/tcp_host.hpp"
#include "libp2p/mdns/driver.hpp"

namespace dm::daemon {

/// This node among its peers: where it listens, whom it connects to, what it remembers of them.
/// Everything is bound by the time it is constructed; what cannot be had is thrown as failure with
/// one sentence. A private mesh's key that is changed on disk holds within seconds.
class network {
  public:
    network(executor ex, aio::pool& workers, const config& c, const data_dir& data,
            const std::string& version);

    /// Bytes a second, 0: without limit.
    void limit_rates(std::uint64_t upload, std::uint64_t download) noexcept {
        host_.limit_rates(upload, download);
    }

    void start();
    awaitable<void> stop();

    host::host& peers() noexcept { return host_; }
    const multiformats::peer_id& self() const noexcept { return host_.self(); }
    /// What others can dial, /p2p included.
    std::vector<multiformats::multiaddr> dialable_addresses() const;
    /// Of the private network; empty when there is none.
    const std::string& fingerprint() const noexcept { return fingerprint_; }

  private:
    void start_mdns();
    awaitable<void> keep_book();
    awaitable<void> keep_keys();

    const data_dir& data_;
    std::string fingerprint_;
    host::tcp_host host_;
    host::peer_store store_;
    host::bootstrap bootstrap_;
    std::optional<mdns::service> mdns_;  ///< where others can reach this node
    aio::task_group group_;
};

}  // namespace dm::daemon
