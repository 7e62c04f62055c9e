#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/digest.hpp"
#include "oci/media_type.hpp"
#include "oci/platform.hpp"

namespace dm::oci {

/// Points from a manifest or index to other content.
/// Spec: OCI image-spec v1.1 "Content Descriptors".
struct descriptor {
    std::string media_type;
    crypto::digest digest;
    std::uint64_t size = 0;                      ///< bytes
    std::optional<oci::platform> platform = {};  ///< normalised; in an index only
    std::map<std::string, std::string> annotations = {};
    std::string artifact_type = {};
    bool has_urls = false;  ///< says where else to get it; we never follow that

    media_kind kind() const noexcept;
    /// A layer that registries do not hold.
    bool is_foreign() const noexcept { return kind() == media_kind::foreign_layer; }
    /// An index entry that describes another one (BuildKit's provenance and SBOM): no platform.
    bool is_attestation() const noexcept;

    friend bool operator==(const descriptor&, const descriptor&) = default;
};

}  // namespace dm::oci
