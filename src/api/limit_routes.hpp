#pragma once

#include "api/rest_api.hpp"

namespace dm::api {

/// /api/v1/node/limits: what holds at the start, and how it is changed.
void add_limit_routes(server::router& routes, rate_limits at_start,
                      std::function<awaitable<void>(rate_limits)> change);

}  // namespace dm::api
