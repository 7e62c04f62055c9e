#pragma once

#include "daemon/data_dir.hpp"
#include "mesh/crdt/driver.hpp"
#include "mesh/presence/driver.hpp"
#include "mesh/trust/driver_table.hpp"

namespace dm::daemon {

inline constexpr const char* mesh_state_name = "mesh.db";

/// What this node shares with the others: pubsub, and on it the replicated state, what of that may
/// be believed, and presence.
class mesh {
  public:
    /// All that is handed in outlives it; `blocks` reads the file mesh_state_name and is part of
    /// what `exchange` serves. `open_operators`: every member steers, whatever the folder says of
    /// operators. Throws failure when the state cannot be read.
    mesh(executor ex, aio::pool& workers, const data_dir& data, host::host& peers,
         crdt::block_source& blocks, bitswap::exchange& exchange, bool open_operators);

    void start();
    /// Before the exchange and the host are stopped.
    awaitable<void> stop();

    /// All keys, whoever wrote them.
    crdt::shared_map& shared() noexcept { return state_; }
    /// Our records as far as they may be believed.
    trust::signed_table& records() noexcept { return records_; }
    presence::service& presence() noexcept { return presence_; }
    gossipsub::pubsub& pubsub() noexcept { return pubsub_; }

  private:
    crypto::private_key key_;
    gossipsub::pubsub pubsub_;
    crdt::shared_map state_;
    trust::signed_table records_;
    presence::service presence_;
};

}  // namespace dm::daemon
