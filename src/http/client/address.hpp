#pragma once

#include <string>

namespace dm::http {

/// Loopback, link-local, RFC 1918 and 4193, shared (RFC 6598), multicast, unspecified; and what is
/// no IP address at all, as of a unix socket.
bool is_private_address(const std::string& text);

}  // namespace dm::http
