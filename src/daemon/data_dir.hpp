#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/unique_fd.hpp"
#include "crypto/key.hpp"
#include "libp2p/host/bootstrap.hpp"
#include "libp2p/pnet/swarm_key.hpp"

namespace dm::daemon {

constexpr const char* swarm_key_name = "swarm.key";
/// While the key of the mesh is being changed: the one from before.
constexpr const char* former_swarm_key_name = "swarm.key.former";
constexpr const char* operators_name = "operators";

/// The folder of one node:
///   privateKey, swarm.key, operators, peerstore, peerstore.template, peers.db, store/, state.db,
///   lock
/// Held by one process at a time; the lock ends with the process, however that ends.
class data_dir {
  public:
    /// Makes the folder where there is none. Throws failure: cannot_use_data, in_use.
    explicit data_dir(std::filesystem::path folder);

    std::filesystem::path operator/(std::string_view name) const { return folder_ / name; }

    /// The key that makes the node who it is, made on the first start (mode 0400). Throws
    /// failure: bad_identity, cannot_use_data.
    crypto::private_key identity() const;

    /// The key of the private mesh that this node belongs to, if it has one. Throws failure:
    /// bad_swarm_key, cannot_use_data.
    std::optional<pnet::swarm_key> swarm_key() const;
    /// Makes one (mode 0600) where there is none; true when it did.
    bool make_swarm_key() const;
    void write_swarm_key(const pnet::swarm_key& key) const;

    /// Whom this node obeys, from the file `operators`: the first operators of the mesh. Throws
    /// failure: bad_operators with the line.
    std::vector<multiformats::peer_id> operators() const;
    void write_operators(const std::vector<multiformats::peer_id>& roots) const;

    /// The peers in the file `peerstore`. Throws failure: bad_peerstore with the line.
    std::vector<host::known_peer> peerstore() const;
    /// Adds a line, if it is not there.
    void add_to_peerstore(std::string_view address) const;

  private:
    std::filesystem::path folder_;
    unique_fd lock_;
};

}  // namespace dm::daemon
