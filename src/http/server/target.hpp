#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/server/errc.hpp"

namespace dm::server {

constexpr std::size_t path_segments_max = 256;
constexpr std::size_t query_parameters_max = 64;

/// What a request asks for.
struct target {
    std::string path;  ///< as sent, without the query
    /// Between the slashes, each percent-decoded on its own, so that one may hold a '/': "/" is
    /// {""}, "/v2/a%2Fb/" is {"v2", "a/b", ""}.
    std::vector<std::string> segments;
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
    std::string authority;  ///< of the absolute form ("http://host:1/path"); else empty

    /// The first query parameter of that name; nullptr when there is none.
    const std::string* find_query(std::string_view name) const noexcept;
};

/// Reads the target of a request line. Refused: escapes that are none, decoded control characters
/// (in a query: NUL only) or invalid UTF-8, segments "." and "..".
/// Spec: RFC 9112 §3.2 (origin-form and absolute-form; "*" has no segments).
result<target> parse_target(std::string_view text);

}  // namespace dm::server
