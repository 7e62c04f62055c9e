#pragma once

#include "control/agent/image_origin.hpp"
#include "oci/upstream/registry_client.hpp"

namespace dm::agent {

/// Images in registries. The client outlives it.
class registry_origin final : public image_origin {
  public:
    explicit registry_origin(upstream::registry_client& client) : client_(client) {}

    awaitable<crypto::digest> resolve(oci::reference image) override;
    std::unique_ptr<importer::image_source> open(oci::reference image) override;

  private:
    upstream::registry_client& client_;
};

}  // namespace dm::agent
