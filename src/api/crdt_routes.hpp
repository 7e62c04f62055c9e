#pragma once

#include "http/server/router.hpp"
#include "mesh/state/table.hpp"

namespace dm::api {

/// A key and a value, both of which JSON may write with escapes.
constexpr std::size_t crdt_body_bytes_max =
    2 * (state::key_bytes_max + state::value_bytes_max) + 1024;

/// Whether the raw table leaves this key alone: our own records, in any spelling that a datastore
/// takes for theirs ("/dm1/…", "dm1/…").
bool is_reserved_key(std::string_view key) noexcept;

/// /api/v1/crdt: the fleet's state as raw keys and values. `shared` outlives the router.
void add_crdt_routes(server::router& routes, state::table& shared);

}  // namespace dm::api
