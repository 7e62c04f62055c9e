#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "control/plan/strategy.hpp"
#include "oci/image_record.hpp"

namespace dm::agent {

/// What a node is doing about an image.
enum class image_state {
    not_chosen,  ///< the strategy does not want it here
    pending,     ///< wanted, not begun: see the reason
    importing,   ///< on its way from upstream into the store
    loading,     ///< on its way from the store into the engine
    stored,      ///< complete in the store, and that is all this node does (--engine none)
    loaded,      ///< in the engine under its name
    removing,
    kept,      ///< not wanted any more, but something keeps it: see the reason
    conflict,  ///< the engine has another image of that name which is not ours
    blocked,   ///< needs the operator: no space, no such platform
    engine_unavailable,
    failed,  ///< see the reason; tried again
    paused,  ///< execute is false
    absent,  ///< known, but not here and not wanted here
};

/// "not_chosen", "loaded", …
const char* name_of(image_state s) noexcept;

/// This node and one image name.
struct image_status {
    image_state state = image_state::pending;
    std::string reason;  ///< one sentence; empty when there is nothing to say
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_per_second = 0;
    std::string from;                   ///< "docker.io", "store"
    std::optional<wall_time> next_try;  ///< after a failure
};

struct node_line {
    std::string peer;
    bool self = false;
    bool online = true;
    bool chosen = false;
    std::optional<std::size_t> rank;  ///< 0 is first; none for type target
    image_status status;
};

struct strategy_view {
    std::string id;
    plan::strategy record;
    std::size_t members = 0;  ///< that a percentage counts
    std::size_t desired = 0;  ///< how many nodes shall have it
    std::size_t actual = 0;   ///< how many are known to
    std::vector<node_line> nodes;
    std::vector<std::string> pending_targets;  ///< named, but not members
};

struct image_view {
    oci::image_record record;
    std::vector<std::string> names;       ///< familiar
    bool complete = false;                ///< all that this node needs of it is in the store
    bool kept = false;                    ///< imported by hand: stays until `image rm`
    std::vector<std::string> strategies;  ///< ids that want it
    image_status status;
};

enum class transfer_kind { import, load };
enum class transfer_state { running, done, failed };

struct transfer_view {
    std::string id;
    transfer_kind kind = transfer_kind::import;
    transfer_state state = transfer_state::running;
    std::string image;   ///< familiar name
    std::string digest;  ///< empty until resolved
    std::string root;    ///< CID, once done
    std::string from;
    std::string phase;  ///< "resolving", "fetching", "finishing", "pulling", "extracting"
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_from_source = 0;
    std::uint64_t bytes_per_second = 0;  ///< over the last seconds
    std::vector<oci::platform> missing;  ///< platforms asked for that the image is not for
    wall_time started{};
    std::optional<wall_time> ended;
    std::optional<error> failure;
};

struct node_view {
    std::string peer;
    bool self = false;
    bool online = true;
    std::string platform;
    std::string version;
    std::string engine;        ///< "docker 20.10.24", "none"
    std::string engine_state;  ///< "ready", "unavailable: …", "none"
    std::vector<std::string> addresses;
    plan::labels labels;
    wall_time started{};
};

/// What a strategy would change, without doing it.
struct preview {
    struct line {
        std::string peer;
        bool gains = false;
        bool loses = false;
        std::uint64_t bytes = 0;  ///< that would move to it
    };
    std::optional<crypto::digest> digest;
    std::size_t members = 0;
    std::size_t desired = 0;
    std::vector<line> nodes;
};

}  // namespace dm::agent
