#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "control/plan/strategy.hpp"
#include "control/report/image_status.hpp"
#include "mesh/presence/roster.hpp"
#include "oci/image_record.hpp"

namespace dm::agent {

using report::image_state;
using report::image_status;
using report::name_of;

struct node_line {
    std::string peer;
    bool self = false;
    bool online = true;
    bool chosen = false;
    std::optional<std::size_t>
        rank;  ///< 0 is first; none for type target, and where it is not counted
    image_status status;
};

struct strategy_view {
    std::string id;
    plan::strategy record;
    std::size_t members = 0;  ///< that a percentage counts
    std::size_t desired = 0;  ///< how many nodes shall have it
    std::size_t actual = 0;   ///< how many of them are there and say that they do
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
    bool online = true;  ///< suspect counts as online
    presence::liveness state = presence::liveness::online;
    std::chrono::seconds lasted{0};  ///< how long it has been in this state, as far as we know
    std::string platform;
    std::string version;
    std::string engine;        ///< "docker 20.10.24", "none"; empty: it has not said
    std::string engine_state;  ///< "ready", "unavailable: …", "none"; empty: it has not said
    std::vector<std::string> addresses;
    plan::labels labels;
    std::optional<wall_time> started;  ///< by its own clock
    std::optional<std::uint64_t> disk_free_bytes;
    std::size_t images_held = 0;  ///< complete ones, of those that strategies want
};

/// What a strategy would change, without doing it.
struct preview {
    struct line {
        std::string peer;
        oci::platform platform;
        bool gains = false;
        bool loses = false;
        /// That would move to it; none where that is not known before the image is imported.
        std::optional<std::uint64_t> bytes;
    };
    std::optional<crypto::digest> digest;
    std::size_t members = 0;
    std::size_t desired = 0;
    std::vector<line> nodes;
};

}  // namespace dm::agent
