#pragma once

#include "content/bitswap/driver.hpp"
#include "http/server/router.hpp"

namespace dm::api {

/// Entries of a directory that are listed at most.
constexpr std::size_t listed_entries_max = 100'000;

/// /api/v1/ls/:cid says what a CID names, /api/v1/cat/:cid gives a file's bytes; what is not in the
/// store comes from peers. `blocks` outlives the router.
void add_content_routes(server::router& routes, bitswap::exchange& blocks);

}  // namespace dm::api
