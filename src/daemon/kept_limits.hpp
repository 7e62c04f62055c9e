#pragma once

#include "api/rest_api.hpp"
#include "mesh/state/table.hpp"

namespace dm::daemon {

/// The rates that hold at the start: what the node was told last while it ran, or what its options
/// say where they have been changed since.
api::rate_limits limits_at_start(const state::table& kept, const api::rate_limits& options);

/// Remembers over restarts what the node was told. Returns when it is durable.
awaitable<void> keep_limits(state::table& kept, api::rate_limits options, api::rate_limits told);

}  // namespace dm::daemon
