#pragma once

#include <cstdint>
#include <functional>

#include "content/store/content_store.hpp"
#include "oci/importer/image_source.hpp"

namespace dm::importer {

/// Brings one blob out of `source` into the place that was taken for it, from where that is, and
/// completes it. `received` is told of new bytes. On failure the arrival fails too, so that those
/// who follow it see why.
awaitable<store::blob_info> fetch_blob(store::content_store& store, image_source& source,
                                       oci::descriptor blob, store::arrival_lease lease,
                                       std::function<void(std::uint64_t bytes)> received);

}  // namespace dm::importer
