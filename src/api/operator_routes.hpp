#pragma once

#include "http/server/router.hpp"
#include "mesh/trust/driver_operators.hpp"

namespace dm::api {

/// /api/v1/operator: who may steer the mesh. `operators` outlives the router.
void add_operator_routes(server::router& routes, trust::operators& operators);

}  // namespace dm::api
