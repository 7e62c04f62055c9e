#pragma once

#include "control/agent/agent.hpp"
#include "http/server/router.hpp"

namespace dm::api {

/// /api/v1/strategy: what shall be where. `node` outlives the router.
void add_strategy_routes(server::router& routes, agent::agent& node);

}  // namespace dm::api
