#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "multiformats/peer_id.hpp"

namespace dm::trust {

using multiformats::peer_id;

/// Whose word counts for a key of the shared state.
enum class writer {
    anyone,     ///< keys that are not ours, and images, which are judged by their digests
    node,       ///< what a node says of itself: that node
    operators,  ///< all else of ours, also kinds of records that a newer version brings
};

inline constexpr std::string_view record_prefix = "/dm1/";

writer writer_of(std::string_view key) noexcept;

/// The node that a key "/dm1/node/ID/rec" is about, in the one spelling that counts.
std::optional<peer_id> node_of(std::string_view key);

/// "/dm1/operator/ID/rec": what is said of a node as an operator.
std::string operator_key(const peer_id& subject);
std::optional<peer_id> operator_of(std::string_view key);

}  // namespace dm::trust
