#pragma once

#include "base/result.hpp"

namespace dm::registry {

/// The error codes of the distribution API; name_of gives their spelling.
/// Spec: OCI distribution-spec v1.1 "Error Codes".
enum class errc {
    blob_unknown = 1,
    denied,          ///< this name is not for pushes
    digest_invalid,  ///< not a digest, or not that of the content
    manifest_blob_unknown,
    manifest_invalid,
    manifest_unknown,
    name_invalid,
    name_unknown,
    range_invalid,  ///< several ranges at once
    range_unmet,    ///< begins behind the end
    size_invalid,   ///< more or fewer bytes than announced
    too_many_uploads,
    upload_busy,     ///< another request works on it
    upload_invalid,  ///< a chunk that cannot be understood
    upload_unknown,
    upload_unmet,  ///< a chunk that does not follow what is here
    nothing_here,  ///< no path of this API
};

const char* category_name(errc) noexcept;
/// "BLOB_UNKNOWN"
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::registry

template <>
struct std::is_error_code_enum<dm::registry::errc> : std::true_type {};
