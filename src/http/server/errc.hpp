#pragma once

#include "base/result.hpp"

namespace dm::server {

/// Why a request was refused before or beside its handler; each has one status (status_of).
enum class errc {
    malformed_request = 1,   ///< 400
    malformed_target,        ///< 400: the path or the query cannot be read
    tls_on_plain_port,       ///< 400: the client speaks TLS
    forbidden_origin,        ///< 403: Host, Origin or Sec-Fetch-Site name a foreign place
    no_such_path,            ///< 404
    method_not_allowed,      ///< 405
    request_timeout,         ///< 408: head or body did not arrive in time
    body_too_large,          ///< 413
    unsupported_media_type,  ///< 415
    expectation_failed,      ///< 417: an Expect other than 100-continue
    head_too_large,          ///< 431
    wrong_length,            ///< 500: a handler wrote more or less than it announced
    unsupported_coding,      ///< 501: a Transfer-Encoding other than chunked
    unsupported_version,     ///< 505: neither HTTP/1.0 nor 1.1
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::server

template <>
struct std::is_error_code_enum<dm::server::errc> : std::true_type {};
