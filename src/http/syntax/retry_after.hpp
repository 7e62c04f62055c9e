#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace dm::syntax {

/// Longest wait that a server may ask of us.
constexpr std::chrono::seconds retry_after_max{600};

/// How long to wait by a Retry-After value (seconds or an HTTP date), at most `retry_after_max`;
/// nullopt when it is neither, or a date that is not in the future.
/// Spec: RFC 9110 §10.2.3.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, wall_time now);

/// "Sun, 06 Nov 1994 08:49:37 GMT" and the two obsolete forms; a two-digit year is the one nearest
/// to `now`. Spec: RFC 9110 §5.6.7.
std::optional<wall_time> parse_http_date(std::string_view text, wall_time now);

}  // namespace dm::syntax
