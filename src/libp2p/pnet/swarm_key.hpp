#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "libp2p/pnet/errc.hpp"

namespace dm::pnet {

constexpr std::size_t swarm_key_file_bytes_max = 1024;

/// The key that the members of a private network share.
using swarm_key = std::array<std::byte, 32>;

/// Reads the content of a file `swarm.key`: "/key/swarm/psk/1.0.0/", then "/base16/", "/base64/" or
/// "/bin/", then the key, a line each. Error: malformed_key.
/// Spec: libp2p pnet "Private-Shared-Key".
result<swarm_key> parse_swarm_key(std::string_view text);

/// The same in base16, which every implementation reads. Secret.
std::string to_text(const swarm_key& key);

/// 32 hex digits that two operators can compare without showing the key; Kubo prints the same.
std::string fingerprint(const swarm_key& key);

}  // namespace dm::pnet
