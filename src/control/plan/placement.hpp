#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "control/plan/strategy.hpp"
#include "oci/platform.hpp"

namespace dm::plan {

/// A node of the fleet as this node sees it. Members are all that have a node record, offline ones
/// included; forgotten ones are left out by who makes the list.
struct member {
    multiformats::peer_id id;
    oci::platform platform = {};
    dm::plan::labels labels = {};
    bool online = true;        ///< suspect counts as online
    steady_time since{};       ///< when `online` last changed, by our clock; our start if never
    bool was_offline = false;  ///< at some time that we know of: somebody may cover for it
};

struct placement_options {
    std::chrono::seconds offline_grace{15 * 60};  ///< a slot stays its owner's for so long
    std::chrono::seconds surplus_delay{5 * 60};   ///< a substitute stays so long after its return
};

/// What a strategy wants of a member.
enum class role {
    none,        ///< nothing: what it has of the image goes
    owner,       ///< has a slot: obtains and keeps the image
    substitute,  ///< covers for an owner that is gone: obtains it where nothing has to make way
    surplus,     ///< no longer needed, or not yet known to be: keeps what it has
};

/// "owner" and so on.
std::string_view name_of(role r) noexcept;

struct placed_member {
    multiformats::peer_id id;
    dm::plan::role role = role::none;
    bool online = true;

    friend bool operator==(const placed_member&, const placed_member&) = default;
};

/// Where an image belongs by one strategy, computed alike by every node that sees the same.
struct placement {
    std::size_t slots = 0;               ///< how many copies there should be
    std::vector<placed_member> members;  ///< by rank, highest first; for type target by id
    /// Targets that are no members (yet).
    std::vector<multiformats::peer_id> pending = {};

    /// The role of a node; none when it is no member of the strategy.
    role role_of(const multiformats::peer_id& id) const noexcept;
};

using rank = std::array<std::byte, 32>;

/// SHA-256(repository ‖ 0x00 ‖ peer id): "docker.io/library/busybox", without tag, so that a new
/// tag lands where the layers of the old one are.
rank rank_of(std::string_view repository, const multiformats::peer_id& id);

/// Percentage p of n members, rounded up.
std::size_t slots_for(unsigned percentage, std::size_t members) noexcept;

/// When time alone changes what place() says next; nullopt when it does not.
std::optional<steady_time> next_change(std::span<const member> members, steady_time now,
                                       const placement_options& options = {});

/// `image_platforms`: what the image exists for; empty when not known (then no member is left out
/// for its platform). `self` always counts as online.
///
/// Percentage: the first `slots` by rank are owners. For each owner that is offline past the grace
/// the next in rank that is not substitutes, if this node sees at least half of the members; the
/// same many next in rank are surplus, from when an owner goes until `surplus_delay` after it is
/// back. Target: the named members that match the selector are owners, and nobody substitutes.
placement place(const strategy_request& s, std::span<const oci::platform> image_platforms,
                std::span<const member> members, const multiformats::peer_id& self, steady_time now,
                const placement_options& options = {});

}  // namespace dm::plan
