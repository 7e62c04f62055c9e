#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dm::syntax {

constexpr std::size_t url_text_max = 8192;  ///< signed storage URLs reach 2 KiB
constexpr std::size_t host_text_max = 253;

/// A host and maybe a port, as in a Host header or before the first slash of a reference.
struct authority {
    std::string host;  ///< lower case; IPv6 without brackets
    std::optional<std::uint16_t> port;

    friend bool operator==(const authority&, const authority&) = default;
};

/// "localhost", "10.0.0.1:5000", "[::1]:3000". Host names are letters, digits, '-', '_' and '.'.
result<authority> parse_authority(std::string_view text);

/// Brackets around IPv6 are put back.
std::string to_string(const authority& value);

/// An absolute http or https URL, without user, password and fragment.
struct url {
    std::string scheme;  ///< "http" or "https"
    std::string host;    ///< lower case; IPv6 without brackets
    std::uint16_t port = 0;
    std::string target = "/";  ///< path and query as on the request line, starts with '/'

    bool is_default_port() const noexcept;
    /// The path part of `target`.
    std::string_view path() const noexcept;

    friend bool operator==(const url&, const url&) = default;
};

/// A URL with a user or password in it is refused, a fragment is dropped.
/// Spec: RFC 3986, the subset for http and https.
result<url> parse_url(std::string_view text);

/// What a Location header means: absolute, "//host/…", "/path", "path" or "?query".
result<url> resolve(const url& base, std::string_view location);

/// The port only where it is not the scheme's own.
std::string to_string(const url& value);

/// Same scheme, host and port: only then may credentials be sent along.
bool same_origin(const url& a, const url& b) noexcept;

/// "localhost", "*.localhost", 127.0.0.0/8 in dotted form, "::1"; names are not looked up.
bool is_loopback_host(std::string_view host) noexcept;

/// Everything but letters, digits and "-._~" as %XX: safe in a query value or a path segment.
std::string percent_encode(std::string_view text);

/// Undoes %XX ('+' stays); nullopt when a '%' is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace dm::syntax
