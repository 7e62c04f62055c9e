#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
/// Peers that one beat asks for their status, at most.
constexpr std::size_t asked_max = 64;

/// What a node says now and then: that it is there, what it is doing, who has left it.
struct beat {
    std::string status{};         ///< of the node's own making, for whoever reads it
    std::vector<peer_id> gone{};  ///< neighbours that are connected no longer
    bool is_leaving = false;      ///< it is about to stop, on purpose
    /// In the place of a status that it has said before: digest_of() that.
    std::optional<std::uint64_t> same_status{};
    std::vector<peer_id> asked{};  ///< whose status the author lacks

    friend bool operator==(const beat&, const beat&) = default;
};

/// The first 8 bytes of its SHA-256.
std::uint64_t digest_of(std::string_view status);

/// Protobuf: 1 status, 2 repeated gone, 3 is_leaving, 4 same_status, 5 repeated asked.
bytes encode(const beat& b);
/// nullopt for what is none, or breaks a bound; unknown fields are left out.
std::optional<beat> decode(byte_view data);

}  // namespace dm::presence
