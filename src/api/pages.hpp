#pragma once

#include "http/server/router.hpp"

namespace dm::api {

/// The page at `/`, which says where everything is, and /metrics.
void add_pages(server::router& routes, std::string version);

}  // namespace dm::api
