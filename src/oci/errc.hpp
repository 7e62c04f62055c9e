#pragma once

#include "base/result.hpp"

namespace dm::oci {

/// Why an image name, platform, manifest or image layout was refused.
enum class errc {
    malformed_reference = 1,  ///< not an image name
    malformed_platform,       ///< not os/architecture[/variant]
    no_such_platform,         ///< the image has no manifest for the platform
    malformed_manifest,       ///< not an image manifest or index, or one that contradicts itself
    manifest_too_large,       ///< over `manifest_bytes_max`, or too many entries
    unsupported_manifest,     ///< a manifest of a kind that we do not handle (schema 1, others)
    malformed_config,         ///< not an image configuration
    malformed_layout,         ///< not an OCI image layout, or of another version
    malformed_record,         ///< not an image record of ours
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::oci

template <>
struct std::is_error_code_enum<dm::oci::errc> : std::true_type {};
