#pragma once

#include "content/store/content_store.hpp"
#include "http/server/router.hpp"

namespace dm::api {

/// Entries of a directory that are listed at most.
constexpr std::size_t listed_entries_max = 100'000;

/// /api/v1/ls/:cid says what a root of the store is, /api/v1/cat/:cid gives a file's bytes.
/// `content` outlives the router.
void add_content_routes(server::router& routes, store::content_store& content);

}  // namespace dm::api
