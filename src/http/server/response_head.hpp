#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "http/server/header_list.hpp"

namespace dm::server {

/// "Not Found"; empty for a status we do not use.
std::string_view reason_phrase(int status) noexcept;

/// "Sun, 06 Nov 1994 08:49:37 GMT". Spec: RFC 9110 §5.6.7.
std::string to_http_date(wall_time t);

/// How a response body is delimited.
struct framing {
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool close = false;
};

/// Status line, Date, `headers`, framing, blank line. Control characters in header values become
/// spaces, so that a value from outside cannot end a line.
std::string format_head(int status, const header_list& headers, const framing& f, wall_time now);

/// Whether responses with this status have no body, whatever the method.
constexpr bool is_bodyless(int status) noexcept {
    return status < 200 || status == 204 || status == 304;
}

}  // namespace dm::server
