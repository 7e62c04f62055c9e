#pragma once

#include "base/result.hpp"

namespace dm::syntax {

/// Why a header value or URL was refused.
enum class errc {
    malformed_challenge = 1,  ///< not a WWW-Authenticate value, or over one of its limits
    malformed_content_range,  ///< not a Content-Range value in bytes
    malformed_url,            ///< not an absolute http or https URL, or over `url_text_max`
    malformed_authority,      ///< not `host`, `host:port` or `[ipv6]:port`
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::syntax

template <>
struct std::is_error_code_enum<dm::syntax::errc> : std::true_type {};
