#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace dm::report {

/// What a node is doing about an image. The numbers are those on the wire.
enum class image_state : std::uint8_t {
    not_chosen = 0,  ///< the strategy does not want it here
    pending = 1,     ///< wanted, not begun: see the reason
    importing = 2,   ///< on its way from upstream or from peers into the store
    loading = 3,     ///< on its way from the store into the engine
    stored = 4,      ///< complete in the store, and that is all this node does (--engine none)
    loaded = 5,      ///< in the engine under its name
    removing = 6,
    kept = 7,      ///< not wanted any more, but something keeps it: see the reason
    conflict = 8,  ///< the engine has another image of that name which is not ours
    blocked = 9,   ///< needs the operator: no space, no such platform
    engine_unavailable = 10,
    failed = 11,  ///< see the reason; tried again
    paused = 12,  ///< execute is false
    absent = 13,  ///< known, but not here and not wanted here
};

constexpr image_state image_state_last = image_state::absent;

/// "not_chosen", "loaded", …
const char* name_of(image_state s) noexcept;

/// A node and one image name.
struct image_status {
    image_state state = image_state::pending;
    std::string reason{};  ///< one sentence; empty when there is nothing to say
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_per_second = 0;
    std::string from{};                   ///< "docker.io", "3 peers", "store"
    std::optional<wall_time> next_try{};  ///< after a failure; whole milliseconds in a report

    friend bool operator==(const image_status&, const image_status&) = default;
};

}  // namespace dm::report
