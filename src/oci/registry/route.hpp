#pragma once

#include <optional>
#include <span>
#include <string>

namespace dm::registry {

/// What a path below /v2/ is about.
struct route {
    enum class kind { base, catalog, manifest, blob, tags, upload, referrers };
    kind what = kind::base;
    std::string name;      ///< "library/busybox"; empty for base and catalog
    std::string selector;  ///< tag or digest as sent; id of an upload, empty for a new one

    friend bool operator==(const route&, const route&) = default;
};

/// Reads the segments behind "/v2" from the right end, since parts of a name may themselves be
/// called "blobs"; nullopt when it is no path of the API.
/// Spec: OCI distribution-spec v1.1 "Endpoints".
std::optional<route> parse_route(std::span<const std::string> segments);

}  // namespace dm::registry
