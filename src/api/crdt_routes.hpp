#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/server/router.hpp"
#include "mesh/state/table.hpp"

namespace dm::api {

/// A key and a value, both of which JSON may write with escapes.
constexpr std::size_t crdt_body_bytes_max =
    2 * (state::key_bytes_max + state::value_bytes_max) + 1024;

/// Whether the raw table leaves this key alone: our own records, in any spelling that a datastore
/// takes for theirs ("/dm1/…", "dm1/…").
bool is_reserved_key(std::string_view key) noexcept;

/// How the shared state came to be.
struct history_view {
    struct head {
        std::string cid;
        std::uint64_t height = 0;  ///< changes on the longest way to it
    };
    std::vector<head> heads;  ///< what nothing here builds upon; several after changes at once
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
};

/// Asked for each request; may be empty where the state has no history.
using history_source = std::function<awaitable<history_view>()>;

/// /api/v1/crdt: the fleet's state as raw keys and values; /api/v1/history. `shared` outlives the
/// router.
void add_crdt_routes(server::router& routes, state::table& shared, history_source history);

}  // namespace dm::api
