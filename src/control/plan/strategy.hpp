#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "control/plan/labels.hpp"
#include "crypto/digest.hpp"
#include "multiformats/peer_id.hpp"
#include "oci/reference.hpp"

namespace dm::plan {

constexpr std::size_t strategy_targets_max = 1000;

enum class strategy_type { percentage, target };

/// "percentage" or "target".
std::string_view name_of(strategy_type type) noexcept;
std::optional<strategy_type> strategy_type_named(std::string_view text) noexcept;

/// What an operator asks for: which image, and on which nodes.
struct strategy_request {
    strategy_type type = strategy_type::percentage;
    oci::reference image;
    unsigned percentage = 0;  ///< 1..100 for type percentage, 0 for target
    /// For type target: sorted, each once, at least one.
    std::vector<multiformats::peer_id> targets = {};
    labels selector = {};  ///< which members count; empty: all of them
    bool execute = true;   ///< false: paused, nothing is fetched, loaded or removed for it
    bool replace = false;  ///< may take over a name in the engine that is not ours

    friend bool operator==(const strategy_request&, const strategy_request&) = default;
};

/// A request that is in force, as the fleet's state holds it.
struct strategy : strategy_request {
    /// What the tag meant when the request was last applied; none while nobody could resolve it.
    std::optional<crypto::digest> digest;
    /// The node that took the request: it imports what the fleet lacks. None in foreign records.
    std::optional<multiformats::peer_id> origin;
    wall_time created{};    ///< whole milliseconds
    wall_time updated{};    ///< when last applied; whole milliseconds
    std::string author;     ///< peer id of the operator who signed; empty: unsigned
    std::string signature;  ///< base64; empty: unsigned
    std::string unknown;    ///< members that a newer version wrote, a JSON object; mostly empty

    friend bool operator==(const strategy&, const strategy&) = default;
};

/// The identity of a strategy, in 16 hex digits: of type, canonical image name and selector.
/// Applying one with the same identity replaces it.
std::string id_of(const strategy_request& s);

/// The prototype's key: "percentage-busybox:1.35.0-50-active", "target-x:1-Qm…,Qm…-inactive".
std::string prototype_key(const strategy_request& s);

/// Finds by id or by prototype key, whose every field has to be as it is now; a tag may be left
/// out where it is "latest". Of several that differ in their selector only, the one without.
const strategy* find_strategy(std::span<const strategy> all, std::string_view key);

}  // namespace dm::plan
