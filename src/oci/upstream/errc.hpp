#pragma once

#include "base/result.hpp"

namespace dm::upstream {

/// Why something could not be had from an upstream registry.
enum class errc {
    not_found = 1,    ///< the registry does not know the image, tag or blob
    unauthorized,     ///< credentials are missing or refused
    denied,           ///< understood and refused
    rate_limited,     ///< no more requests for now
    unavailable,      ///< down, unreachable, or answering with 5xx
    timed_out,        ///< hanging
    corrupt,          ///< bytes, lengths or headers that do not fit together
    too_large,        ///< a manifest over oci::manifest_bytes_max
    bad_mapping,      ///< not `host=http://…`
    bad_credentials,  ///< a credential file or helper that cannot be used
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::upstream

template <>
struct std::is_error_code_enum<dm::upstream::errc> : std::true_type {};
