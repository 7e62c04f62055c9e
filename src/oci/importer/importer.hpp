#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aio/event.hpp"
#include "content/store/content_store.hpp"
#include "multiformats/cid.hpp"
#include "oci/image_record.hpp"
#include "oci/importer/image_source.hpp"
#include "oci/manifest.hpp"
#include "oci/platform.hpp"

namespace dm::importer {

struct options {
    std::size_t blobs_at_once_max = 3;
    std::uint64_t image_bytes_max = std::uint64_t{1} << 40;
};

/// How far an import is. Bytes are those of configs and layers.
struct progress {
    enum class phase { resolving, fetching, finishing };
    phase at = phase::resolving;
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_from_source = 0;  ///< of bytes_done, what was not here before
    std::size_t blobs_total = 0;
    std::size_t blobs_done = 0;
    std::vector<oci::platform> missing;  ///< asked for, but the image is not for them
};
using progress_listener = std::function<void(const progress&)>;

/// Name of the pin of an image that was imported by hand: "image:<digest>".
std::string pin_name(const crypto::digest& image);

/// Brings images into the store. Streams: memory does not depend on the size of layers. Blobs that
/// are here are not asked for, blobs that another import is fetching are waited for.
class importer {
  public:
    importer(executor ex, store::content_store& store, options o = {});

    /// Resolves, fetches what the choice of platforms needs, checks every digest and size, and adds
    /// it all to `pin`, from the start: when it fails, the pin is the caller's to drop. The record
    /// names every platform of the image, also those that were not asked for. Of several listed
    /// platforms those that the image is not for are only told (progress::missing), unless it is
    /// for none of them. Throws the source's failures, oci::errc::no_such_platform, malformed
    /// manifests, store::errc.
    awaitable<oci::image_record> import(image_source& source, oci::platform_choice platforms,
                                        std::string pin, progress_listener listen);

  private:
    struct job;

    awaitable<void> read_manifest(job& j, found_manifest found, oci::descriptor as,
                                  std::size_t depth);
    awaitable<void> obtain(job& j, oci::descriptor blob);
    awaitable<void> fetch(job& j, oci::descriptor blob, store::arrival_lease lease);
    awaitable<void> obtain_all(job& j);
    awaitable<oci::image_record> finish(job& j, std::vector<crypto::digest> keep);

    store::content_store& store_;
    options options_;
    aio::limiter places_;
};

}  // namespace dm::importer
