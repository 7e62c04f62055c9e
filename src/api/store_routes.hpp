#pragma once

#include <functional>

#include "content/store/content_store.hpp"
#include "http/server/router.hpp"

namespace dm::api {

/// Names of the images that a blob is part of.
using images_of_blob = std::function<std::vector<std::string>(const crypto::digest&)>;

/// /api/v1/store: what the store holds, whether it is intact, and making room. `content` outlives
/// the router.
void add_store_routes(server::router& routes, store::content_store& content, images_of_blob images);

}  // namespace dm::api
