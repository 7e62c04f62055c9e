#pragma once

#include <memory>
#include <string>

#include "oci/transport/file_sink.hpp"
#include "oci/transport/image_end.hpp"

namespace dm::transport {

/// An OCI image layout. `existing` is the index.json that is there, empty if none: its other images
/// stay. `tag` may be empty.
/// Spec: OCI image-spec v1.1 "Image Layout".
std::unique_ptr<image_writer> write_layout(std::unique_ptr<file_sink> into, std::string tag,
                                           const bytes& existing = {});

/// What `docker load` reads; layers are decompressed, as `docker save` has them. `name` as Docker
/// shall call it, with a tag; may be empty.
std::unique_ptr<image_writer> write_docker_archive(std::unique_ptr<file_sink> into,
                                                   std::string name);

}  // namespace dm::transport
