#pragma once

#include "content/tree/driver.hpp"
#include "oci/importer/image_source.hpp"

namespace dm::importer {

/// An image as an IPFS tree, `<root>/manifests/{latest,sha256:…}` and `<root>/blobs/sha256:…`, from
/// whichever peers have it. The exchange outlives it. Throws bitswap::errc::not_found for what no
/// peer has, not_an_image for a tree of another shape.
class ipfs_source final : public image_source {
  public:
    ipfs_source(bitswap::exchange& from, multiformats::cid root)
        : root_(std::move(root)), from_(from) {}

    awaitable<found_manifest> resolve() override;
    awaitable<found_manifest> manifest(oci::descriptor what) override;
    awaitable<void> blob(oci::descriptor what, std::uint64_t offset, byte_sink& sink) override;
    std::string name() const override { return "ipfs:" + root_.to_string(); }

  private:
    awaitable<multiformats::cid> find(std::string path);

    multiformats::cid root_;
    bitswap::exchange& from_;
};

}  // namespace dm::importer
