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

/// Serves an application of one page, whose files lie at "/": `table`'s index.html is also the
/// answer at each of `pages` ("/strategy") and at what is below them, which the page then shows.
/// What is in assets/ has a name of its own for each content and is never asked for again.
void mount_app(server::router& r, std::span<const asset> table,
               std::span<const std::string_view> pages);

}  // namespace dm::assets
