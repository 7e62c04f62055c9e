#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/crdt_routes.hpp"
#include "api/event_feed.hpp"
#include "api/traffic_feed.hpp"
#include "content/bitswap/driver.hpp"
#include "control/agent/agent.hpp"
#include "http/server/options.hpp"
#include "http/server/router.hpp"
#include "libp2p/host/host.hpp"
#include "mesh/state/table.hpp"
#include "mesh/trust/driver_operators.hpp"
#include "oci/platform.hpp"

namespace dm::api {

/// What the node may send and receive, in bytes a second; 0: without limit.
struct rate_limits {
    std::uint64_t upload = 0;
    std::uint64_t download = 0;
};

struct options {
    oci::platform platform;               ///< of this machine: what "auto" means
    std::string version;                  ///< of the program
    std::vector<std::string> host_names;  ///< further names that clients may reach it by
    bool any_host = false;                ///< every request brings a token: any name will do
    rate_limits limits{};                 ///< at the start
    /// Makes them hold, and remembers them.
    std::function<awaitable<void>(rate_limits)> limit_rates = [](rate_limits) -> awaitable<void> {
        co_return;
    };
    history_source history{};
};

/// Everything that is served on the API's port: REST v1, events, metrics, pages.
class rest_api {
  public:
    /// The references outlive it.
    rest_api(executor ex, agent::agent& node, state::table& shared, trust::operators& operators,
             store::content_store& content, const host::host& peers, bitswap::exchange& blocks,
             options o);

    void start();
    awaitable<void> stop();

    /// For http_server; this object outlives the server.
    server::handler handler() const { return routes_.as_handler(); }

  private:
    event_feed events_;
    traffic_feed traffic_;
    server::router routes_;
};

/// How http_server is to be set up for this API.
server::options server_options();

}  // namespace dm::api
