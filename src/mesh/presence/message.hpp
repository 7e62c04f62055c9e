#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::presence {

using multiformats::peer_id;

inline constexpr const char* topic = "distromash-presence";

/// Bytes of what a node says of itself, at most.
constexpr std::size_t status_bytes_max = 64 * 1024;
/// Peers that one beat names as gone, at most.
constexpr std::size_t gone_max = 64;

/// What a node says now and then: that it is there, what it is doing, who has left it.
struct beat {
    std::string status{};         ///< of the node's own making, for whoever reads it
    std::vector<peer_id> gone{};  ///< neighbours that are connected no longer
    bool is_leaving = false;      ///< it is about to stop, on purpose

    friend bool operator==(const beat&, const beat&) = default;
};

/// Protobuf: 1 status, 2 repeated gone, 3 is_leaving.
bytes encode(const beat& b);
/// nullopt for what is none, or breaks a bound; unknown fields are left out.
std::optional<beat> decode(byte_view data);

}  // namespace dm::presence
