#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/plan/plan.hpp"

/// What a plan is made of on the way: internal to this module.
namespace dm::plan {

/// One strategy, seen from this node.
struct want {
    const strategy* what;
    std::string id;
    dm::plan::placement placement;
    dm::plan::role role = role::none;
    const image_view* image = nullptr;  ///< nullptr while the tag is not resolved
    bool superseded = false;

    bool obtains() const noexcept {
        return what->execute && image != nullptr && !superseded &&
               (role == role::owner || role == role::substitute);
    }
};

/// Why a digest stays pinned, or a name stays in the engine, though nothing has to be obtained.
/// Empty: it does not.
std::string reason_to_keep(const want& w, const multiformats::peer_id& self);

/// What has to change in the engine.
struct engine_outcome {
    std::vector<action> actions;
    std::vector<kept_name> kept;
};

/// `wants` newest first; `own` is this node's platform.
engine_outcome plan_removals(const inputs& in, std::span<const want> wants,
                             const oci::platform& own);

}  // namespace dm::plan
