#pragma once

#include "http/server/router.hpp"

namespace dm::api {

/// /metrics, for Prometheus.
void add_metrics_route(server::router& routes);

}  // namespace dm::api
