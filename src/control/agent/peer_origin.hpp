#pragma once

#include "content/sharing/driver.hpp"
#include "control/agent/image_origin.hpp"

namespace dm::agent {

/// Images from the fleet first, and from `upstream` whatever no peer has. Both outlive it.
class peer_origin final : public image_origin {
  public:
    /// The CID of a blob as a file, where a record of the fleet says it.
    using root_lookup = std::function<std::optional<multiformats::cid>(const crypto::digest& blob)>;

    peer_origin(sharing::swarm_node& swarm, image_origin& upstream)
        : swarm_(swarm), upstream_(upstream) {}

    void on_root(root_lookup f) { root_of_ = std::move(f); }

    awaitable<crypto::digest> resolve(oci::reference image) override;
    std::unique_ptr<importer::image_source> open(oci::reference image) override;

  private:
    sharing::swarm_node& swarm_;
    image_origin& upstream_;
    root_lookup root_of_;
};

}  // namespace dm::agent
