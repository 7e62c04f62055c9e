#pragma once

#include <memory>

#include "oci/importer/image_source.hpp"
#include "oci/reference.hpp"

namespace dm::agent {

/// Where images come from that the fleet does not have: upstream registries.
class image_origin {
  public:
    virtual ~image_origin() = default;

    /// What the name means there now. Throws not_found for what is not there, unavailable when
    /// nobody answers.
    virtual awaitable<crypto::digest> resolve(oci::reference image) = 0;

    /// The image as a source for the importer; this origin outlives it.
    virtual std::unique_ptr<importer::image_source> open(oci::reference image) = 0;
};

}  // namespace dm::agent
