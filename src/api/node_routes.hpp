#pragma once

#include "control/agent/agent.hpp"
#include "http/server/router.hpp"

namespace dm::api {

/// /api/v1/{node,peers,transfer,health}. `node` outlives the router.
void add_node_routes(server::router& routes, agent::agent& node, std::string version);

}  // namespace dm::api
