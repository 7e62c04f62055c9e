#pragma once

#include <memory>
#include <string>

#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "api/rest_api.hpp"
#include "content/sharing/driver.hpp"
#include "content/store/content_store.hpp"
#include "control/agent/agent.hpp"
#include "control/agent/peer_origin.hpp"
#include "control/agent/registry_origin.hpp"
#include "daemon/config.hpp"
#include "daemon/data_dir.hpp"
#include "daemon/ipfs.hpp"
#include "daemon/mesh.hpp"
#include "daemon/network.hpp"
#include "http/access/guard.hpp"
#include "http/client/client.hpp"
#include "http/server/http_server.hpp"
#include "http/server/router.hpp"
#include "mesh/state/durable_map.hpp"
#include "oci/registry/pull_service.hpp"
#include "oci/registry/push_service.hpp"
#include "oci/upstream/registry_client.hpp"

namespace dm::daemon {

/// One node, put together: built bottom-up, stopped top-down. Everything it serves is bound by the
/// time it is constructed; what cannot be had is thrown as failure with one sentence.
class node {
  public:
    node(executor ex, const config& c, const std::string& version);
    node(const node&) = delete;
    ~node();

    void start();
    /// Ends what is under way, within a few seconds.
    awaitable<void> stop();

    const multiformats::peer_id& id() const noexcept { return network_.self(); }
    /// What others can dial, /p2p included.
    std::vector<multiformats::multiaddr> peer_addresses() const {
        return network_.dialable_addresses();
    }
    /// The fingerprint of the private mesh; empty in an open one.
    const std::string& mesh_fingerprint() const noexcept { return network_.fingerprint(); }
    std::vector<asio::ip::tcp::endpoint> api_addresses() const { return api_server_.bound(); }
    std::vector<asio::ip::tcp::endpoint> registry_addresses() const {
        return registry_server_.bound();
    }
    std::vector<asio::ip::tcp::endpoint> mirror_addresses() const { return mirror_server_.bound(); }

  private:
    awaitable<void> limit_rates(api::rate_limits options, api::rate_limits told);
    awaitable<void> keep_small();
    awaitable<void> answer_api(server::request& req, server::response_writer& out);
    /// Connects to a member, in the background.
    void meet(const multiformats::peer_id& peer, const std::vector<std::string>& addresses);
    awaitable<void> connect(multiformats::peer_id peer);
    /// Has no connection with a forgotten node and hears nothing of it; or has again.
    void shun(const multiformats::peer_id& peer, bool is_forgotten);

    oci::platform platform_;
    aio::pool workers_;
    data_dir data_;
    network network_;
    std::optional<aio::tls_identity> registry_identity_;
    std::optional<aio::tls_identity> api_identity_;
    std::unique_ptr<access::guard> registry_guard_;
    std::unique_ptr<access::guard> api_guard_;
    server::router registry_routes_;
    server::router mirror_routes_;
    server::http_server registry_server_;
    server::http_server mirror_server_;
    server::http_server api_server_;
    state::durable_map local_;
    store::content_store store_;
    crdt::block_source state_blocks_;
    ipfs ipfs_;
    mesh mesh_;
    http::client http_;
    upstream::registry_client upstream_;
    sharing::swarm_node swarm_;
    agent::registry_origin registries_;
    agent::peer_origin origin_;
    std::unique_ptr<engine::image_engine> engine_;
    agent::agent agent_;
    registry::repositories pushed_;
    registry::push_service push_;
    registry::pull_service registry_;
    registry::pull_service docker_mirror_;
    api::rest_api api_;
    server::handler api_handler_;
    std::optional<agent::agent::subscription> watching_;
    std::optional<subscribers<multiformats::peer_id>::subscription> watching_fleet_;
    aio::task_group group_;
};

}  // namespace dm::daemon
