#pragma once

#include <span>
#include <string>

#include "api/assets/asset.hpp"
#include "http/server/router.hpp"

namespace dm::assets {

/// Serves a table below `prefix` ("/swagger"): the prefix itself redirects to "<prefix>/", which is
/// index.html. Pages may load scripts, styles and data from this server only, and be framed by
/// nobody. Compressed files go out compressed whatever the client accepts: browsers all do.
void mount(server::router& r, const std::string& prefix, std::span<const asset> table);

}  // namespace dm::assets
