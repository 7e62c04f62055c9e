#pragma once

#include "daemon/data_dir.hpp"
#include "mesh/crdt/driver.hpp"
#include "mesh/presence/driver.hpp"

namespace dm::daemon {

inline constexpr const char* mesh_state_name = "mesh.db";

/// What this node shares with the others: pubsub, and on it the replicated state and presence.
class mesh {
  public:
    /// All that is handed in outlives it; `blocks` reads the file mesh_state_name and is part of
    /// what `exchange` serves. Throws failure when the state cannot be read.
    mesh(executor ex, aio::pool& workers, const data_dir& data, host::host& peers,
         crdt::block_source& blocks, bitswap::exchange& exchange);

    void start();
    /// Before the exchange and the host are stopped.
    awaitable<void> stop();

    crdt::shared_map& shared() noexcept { return state_; }
    presence::service& presence() noexcept { return presence_; }

  private:
    crypto::private_key key_;
    gossipsub::pubsub pubsub_;
    crdt::shared_map state_;
    presence::service presence_;
};

}  // namespace dm::daemon
