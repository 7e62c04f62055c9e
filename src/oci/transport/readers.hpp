#pragma once

#include <memory>
#include <string>

#include "oci/transport/file_tree.hpp"
#include "oci/transport/image_end.hpp"

namespace dm::transport {

/// An OCI image layout; `tag` is an org.opencontainers.image.ref.name, or empty where there is one
/// image only.
/// Spec: OCI image-spec v1.1 "Image Layout".
std::unique_ptr<image_reader> read_layout(std::unique_ptr<file_tree> from, const std::string& tag);

/// What `docker save` writes; `reference` picks one of several images. The configuration, which is
/// Docker's image id, stays as it is; the manifest is made here, of layers as the archive has them.
/// Spec: Docker image spec v1.2 "Combined Image JSON + Filesystem Changeset Format".
std::unique_ptr<image_reader> read_docker_archive(std::unique_ptr<file_tree> from,
                                                  const std::string& reference);

}  // namespace dm::transport
