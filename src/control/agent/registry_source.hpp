#pragma once

#include "oci/importer/image_source.hpp"
#include "oci/reference.hpp"
#include "oci/upstream/registry_client.hpp"

namespace dm::agent {

/// An image in a registry, as a source for the importer. The client outlives it.
class registry_source final : public importer::image_source {
  public:
    registry_source(upstream::registry_client& client, oci::reference image)
        : client_(client), image_(std::move(image)), where_(upstream::repository::of(image_)) {}

    awaitable<importer::found_manifest> resolve() override;
    awaitable<importer::found_manifest> manifest(oci::descriptor what) override;
    awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                         importer::byte_sink& sink) override;
    std::string name() const override { return image_.domain; }

  private:
    upstream::registry_client& client_;
    oci::reference image_;
    upstream::repository where_;
};

}  // namespace dm::agent
