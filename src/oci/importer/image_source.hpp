#pragma once

#include <string>

#include "aio/awaitable.hpp"
#include "base/bytes.hpp"
#include "crypto/digest.hpp"
#include "http/client/request.hpp"
#include "oci/descriptor.hpp"

namespace dm::importer {

/// A manifest or index as its source gave it, checked against its digest.
struct found_manifest {
    crypto::digest digest;
    std::string media_type;  ///< Content-Type; may be empty
    bytes raw;
};

/// Where an image comes from: a registry, a folder, an archive, peers.
class image_source {
  public:
    virtual ~image_source() = default;

    /// The manifest or index that the name stands for.
    virtual awaitable<found_manifest> resolve() = 0;

    /// A manifest named by the index.
    virtual awaitable<found_manifest> manifest(oci::descriptor what) = 0;

    /// The bytes of a blob from `offset` to its end, in order; returns when the sink has them all.
    virtual awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                                 http::body_sink& sink) = 0;

    /// For logs and progress: "docker.io".
    virtual std::string name() const = 0;
};

}  // namespace dm::importer
