#pragma once

#include <set>

#include "aio/task_group.hpp"
#include "base/clock.hpp"
#include "base/token_bucket.hpp"
#include "libp2p/host/host.hpp"

namespace dm::host {

class memory_host;

/// The hosts of one process that can reach each other; outlives them.
class memory_network {
  public:
    /// What each host may send, to all its peers together; 0: as fast as memory is.
    explicit memory_network(std::uint64_t upload_bytes_per_second = 0)
        : upload_bytes_per_second_(upload_bytes_per_second) {}

    /// The address of the next host: /memory/1, /memory/2, …
    multiaddr next_address();

  private:
    friend class memory_host;
    std::uint64_t upload_bytes_per_second_;
    std::vector<memory_host*> hosts_;
    std::uint64_t last_ = 0;
};

/// A host whose peers live in the same process, over pipes in memory: for tests of what stands on a
/// host. Connections come and go as on the real one; identify tells at once. It outlives its
/// streams.
class memory_host final : public host {
  public:
    memory_host(executor ex, memory_network& network, peer_id self);
    ~memory_host() override;

    /// Ends all connections and what the handlers are doing. Needed before destruction.
    awaitable<void> stop();

    awaitable<opened> open(const peer_id& peer, std::vector<std::string> protocols) override;
    awaitable<void> connect(const peer_id& peer, std::vector<multiaddr> addresses) override;
    void disconnect(const peer_id& peer) override;
    void ban(const peer_id& peer, std::string why,
             std::chrono::steady_clock::duration duration) override;
    void unban(const peer_id& peer) override { banned_.erase(peer); }
    void add_addresses(const peer_id& peer, std::span<const multiaddr> addresses,
                       std::chrono::steady_clock::duration ttl) override;
    std::vector<multiaddr> addresses_of(const peer_id& peer) const override;
    std::vector<multiaddr> addresses() const override { return {address_}; }
    std::vector<peer_info> peers() const override;
    std::optional<peer_info> find(const peer_id& peer) const override;

    struct channel_state;

  private:
    struct link {
        peer_info info;
        std::vector<std::weak_ptr<channel_state>> channels;
    };

    void protocols_changed() override;
    memory_host* reach(const peer_id& peer) const;
    void linked(memory_host& other, direction d);
    void unlink(const peer_id& peer);
    void identify(const memory_host& other);
    void tell(peer_event::kind what, const peer_info& who);
    awaitable<void> serve(stream_handler handler, inbound in,
                          std::shared_ptr<channel_state> shared);

    executor executor_;
    memory_network& network_;
    multiaddr address_;
    token_bucket upload_;
    std::map<peer_id, link> links_;
    std::map<peer_id, std::set<multiaddr>> known_;
    std::map<peer_id, steady_time> banned_;
    aio::task_group group_;
};

}  // namespace dm::host
