#pragma once

#include "base/result.hpp"

namespace dm::http {

/// Why an HTTP exchange failed. An answer with a status of 4xx or 5xx is no failure here.
enum class errc {
    connect_failed = 1,  ///< refused, unreachable, or the socket does not exist
    resolve_failed,      ///< the host name has no address
    tls_failed,          ///< no TLS spoken, or the certificate is not trusted
    timed_out,           ///< connect_timeout or total_timeout has passed
    stalled,             ///< connected, but too few bytes for too long
    closed_early,        ///< the connection ended before the answer was complete
    body_too_large,      ///< over the caller's limit
    too_many_redirects,
    redirect_refused,   ///< from https to http, or from a public host into a private network
    malformed_answer,   ///< not HTTP, or over a limit of ours
    malformed_request,  ///< the URL, a header or the method cannot be sent
    stopped,            ///< the client is being stopped
    failed,             ///< anything else that libcurl reports
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::http

template <>
struct std::is_error_code_enum<dm::http::errc> : std::true_type {};
