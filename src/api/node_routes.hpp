#pragma once

#include "control/agent/agent.hpp"
#include "http/server/router.hpp"
#include "libp2p/host/host.hpp"

namespace dm::api {

/// /api/v1/{node,peers,transfer,health}. `node` and `peers` outlive the router.
void add_node_routes(server::router& routes, agent::agent& node, const host::host& peers,
                     std::string version);

}  // namespace dm::api
