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

prometheus::Counter& sent_bytes(const char* source) {
    return metrics::counter("distromash_registry_sent_bytes_total",
                            "bytes of blobs served, by where they came from", {{"source", source}});
}

}  // namespace

probe::probe()
    : manifests_(metrics::counter("distromash_registry_manifests_served_total",
                                  "manifests and indexes served")),
      stored_(blobs("stored")),
      followed_(blobs("followed")),
      cut_(blobs("cut")),
      pushed_manifests_(metrics::counter("distromash_registry_manifests_pushed_total",
                                         "manifests and indexes pushed here")),
      pushed_blobs_(metrics::counter("distromash_registry_blobs_pushed_total",
                                     "blobs uploaded to this registry")),
      pushed_bytes_(metrics::counter("distromash_registry_pushed_bytes_total",
                                     "bytes of the blobs uploaded to this registry")),
      from_store_(sent_bytes("store")),
      from_peers_(sent_bytes("peer")),
      from_upstream_(sent_bytes("upstream")) {}

void probe::manifest_served() noexcept {
    manifests_.Increment();
}

void probe::blob_served(bool followed) noexcept {
    (followed ? followed_ : stored_).Increment();
}

void probe::blob_cut() noexcept {
    cut_.Increment();
}

void probe::sent(std::string_view source, std::uint64_t bytes) noexcept {
    auto& counter =
        source == "peer" ? from_peers_ : (source == "upstream" ? from_upstream_ : from_store_);
    counter.Increment(static_cast<double>(bytes));
}

void probe::blob_pushed(std::uint64_t bytes) noexcept {
    pushed_blobs_.Increment();
    pushed_bytes_.Increment(static_cast<double>(bytes));
}

void probe::manifest_pushed() noexcept {
    pushed_manifests_.Increment();
}

}  // namespace dm::registry
