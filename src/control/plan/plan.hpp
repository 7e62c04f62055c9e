#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/plan/placement.hpp"
#include "control/plan/strategy.hpp"
#include "oci/image_record.hpp"

/// What this node must do, from what the fleet wants and what the node has. Level-triggered: the
/// same state gives the same plan, and carrying it out leaves nothing to plan. No I/O.
namespace dm::plan {

/// One image, as this node knows and holds it.
struct image_view {
    crypto::digest digest;
    const oci::image_record* record = nullptr;  ///< nullptr while nobody has imported it
    bool complete = false;                      ///< all that this node needs of it is in the store
    bool pinned = false;                        ///< by us for strategies; an operator's pin is none
    std::uint64_t bytes_missing = 0;            ///< of what this node needs; while not complete
    /// Other online nodes that have all of it.
    std::vector<multiformats::peer_id> holders = {};
    /// When any node was last seen to make progress importing it; else when we first heard of it.
    steady_time import_seen{};
};

/// One image in the container engine.
struct engine_image {
    std::string id;
    std::vector<std::string> names = {};       ///< as oci::reference::engine_name()
    std::vector<std::string> containers = {};  ///< names of those made from it, stopped ones too
};

struct engine_view {
    bool present = true;    ///< false: a node that only stores
    bool available = true;  ///< answers at the moment
    std::vector<engine_image> images = {};
};

/// The image that has the name; nullptr when there is none.
const engine_image* image_named(const engine_view& engine, std::string_view name);

/// A name in the engine that this node set, or was about to set; durable.
struct placed_name {
    std::string name;
    std::string image_id;  ///< what it pointed to then

    friend auto operator<=>(const placed_name&, const placed_name&) = default;
};

/// All that the plan depends on; refers to what the caller keeps alive.
struct inputs {
    multiformats::peer_id self;
    steady_time now{};
    std::span<const strategy> strategies = {};
    std::span<const member> members = {};
    std::span<const image_view> images = {};
    const engine_view& engine;
    std::span<const placed_name> placed = {};
    /// What could still be stored without touching what is pinned.
    std::uint64_t bytes_available = 0;
    /// What could be stored without letting go of anything.
    std::uint64_t bytes_unused = 0;
    placement_options placement = {};
    /// How long nobody may be seen importing before the next in rank takes over.
    std::chrono::seconds import_patience{30};
};

enum class action_kind {
    import_image,  ///< bring `image` for `platforms` from its upstream
    fetch,         ///< get the missing blobs of `image` from peers
    pin,           ///< keep `image` in the store
    load,          ///< make `name` in the engine be `image`; replaces what is there
    untag,         ///< remove `name`, which is `image_id`, from the engine, without force
    remove_image,  ///< remove the nameless `image_id` from the engine, without force
    disown,        ///< forget that `name` as `image_id` is ours
    unpin,         ///< let the store evict `image` when it needs room
};

std::string_view name_of(action_kind kind) noexcept;

struct action {
    action_kind kind;
    std::string strategy = {};  ///< id of the strategy it is for; empty when nothing wants it
    std::optional<crypto::digest> image = {};
    std::string name = {};
    std::string image_id = {};
    std::vector<oci::platform> platforms = {};  ///< sorted, each once
    bool replace = false;                       ///< load: even where the name is somebody else's
    std::string reason = {};                    ///< for logs: "no strategy wants it"

    friend bool operator==(const action&, const action&) = default;
};

/// How far a strategy is on this node.
enum class phase {
    paused,
    unresolved,      ///< nobody knows yet what the tag means
    not_chosen,      ///< the image belongs on other nodes
    superseded,      ///< a newer strategy puts another image under the same name
    wrong_platform,  ///< chosen, but the image does not run here
    importing,       ///< some node, maybe this one, has to bring it from upstream
    blocked,         ///< no room
    fetching,
    engine_unavailable,  ///< in the store; the engine does not answer
    conflict,            ///< the name belongs to another image that is not ours
    loading,
    done,  ///< in the engine; on a node without engine: in the store
};

std::string_view name_of(phase p) noexcept;

struct strategy_status {
    std::string strategy;  ///< id
    dm::plan::role role = role::none;
    dm::plan::phase phase = phase::not_chosen;
    std::string detail = {};  ///< for people: "needs 1.2 GiB, 300 MiB are available"

    friend bool operator==(const strategy_status&, const strategy_status&) = default;
};

/// A name that we placed and that stays, with why: "wanted by percentage-busybox:1-50-active",
/// "used by container web".
struct kept_name {
    std::string name;
    std::string image_id;
    std::string reason;

    friend bool operator==(const kept_name&, const kept_name&) = default;
};

struct outcome {
    std::vector<action> actions;            ///< in the order in which to start them
    std::vector<strategy_status> statuses;  ///< one a strategy, newest first
    std::vector<kept_name> kept;            ///< by name
};

/// While `self` is no member (its node record is not there yet) nothing is planned at all.
outcome make_plan(const inputs& in);

/// The ids by which engines know the image on a node of that platform: the config's digest, with
/// the containerd image store the manifest's or the index's. Empty where it does not run.
std::vector<std::string> engine_ids(const oci::image_record& record, const oci::platform& own);

}  // namespace dm::plan
