#include "oci/registry/probe.hpp"

#include <prometheus/counter.h>

#include "base/metrics.hpp"

namespace dm::registry {
namespace {

prometheus::Counter& blobs(const char* outcome) {
    return metrics::counter("distromash_registry_blobs_total",
                            "blob answers: from the store, of a blob still arriving, or cut short",
                            {{"outcome", outcome}});
}

}  // namespace

probe::probe()
    : manifests_(metrics::counter("distromash_registry_manifests_served_total",
                                  "manifests and indexes served")),
      stored_(blobs("stored")),
      followed_(blobs("followed")),
      cut_(blobs("cut")) {}

void probe::manifest_served() noexcept {
    manifests_.Increment();
}

void probe::blob_served(bool followed) noexcept {
    (followed ? followed_ : stored_).Increment();
}

void probe::blob_cut() noexcept {
    cut_.Increment();
}

}  // namespace dm::registry
