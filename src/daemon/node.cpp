#include "daemon/node.hpp"

#include <fmt/format.h>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "daemon/access.hpp"
#include "daemon/engine.hpp"
#include "daemon/errc.hpp"
#include "daemon/kept_limits.hpp"
#include "daemon/memory.hpp"
#include "daemon/platform.hpp"

namespace dm::daemon {
namespace {

using asio::ip::tcp;

/// What a kill costs at most: bytes that upstream has sent and that lie in the kernel.
constexpr int blob_receive_buffer_bytes = 256 * 1024;
constexpr std::chrono::milliseconds stop_grace{2'000};
constexpr std::chrono::seconds memory_interval{10};
/// A substitute stays for a third of the grace after the owner is back: 5 min of 15.
constexpr int surplus_delay_divisor = 3;
/// A forgotten node is kept out until an operator takes it back.
constexpr std::chrono::hours forgotten_time{24 * 365 * 100};

bool is_absent_address(const std::error_code& code) {
    return code == std::errc::address_not_available ||
           code == std::errc::address_family_not_supported ||
           code == std::errc::protocol_not_supported;
}

void listen(server::http_server& server, std::string_view option, const listening& where) {
    for (const auto& endpoint : where.at) {
        try {
            server.listen(endpoint);
        } catch (const failure& e) {
            if (where.by_default && endpoint.address().is_v6() && is_absent_address(e.code()))
                continue;
            throw failure({e.code(), fmt::format("{}: choose another address with {}",
                                                 e.reason().message(), option)});
        }
    }
}

server::options registry_options(const std::optional<aio::tls_identity>& identity) {
    auto out = registry::pull_service::server_options();
    out.stop_grace = stop_grace;
    out.tls = identity ? &*identity : nullptr;
    return out;
}

server::options mirror_options() {
    auto out = registry_options({});
    out.name = "mirror";
    return out;
}

server::options api_options(const std::optional<aio::tls_identity>& identity) {
    auto out = api::server_options();
    out.tls = identity ? &*identity : nullptr;
    return out;
}

/// Peers are asked for what a client waits for before the rest.
registry::blob_answer::waiting_listener waiting_for(sharing::swarm_node& swarm) {
    return [&swarm](const crypto::digest& blob, std::uint64_t at) { swarm.reading(blob, at); };
}

registry::pull_options pull_options(access::guard* guard, const guarding& files,
                                    sharing::swarm_node& swarm) {
    registry::pull_options out;
    out.waiting = waiting_for(swarm);
    if (guard)
        out.access.emplace(*guard, load_rules(files));
    return out;
}

upstream::options upstream_options(const config& c) {
    upstream::options out;
    out.upstreams = c.upstreams;
    out.ca_file = c.upstream_ca;
    out.credentials.file = c.registry_auth_file;
    out.blob_receive_buffer_bytes = blob_receive_buffer_bytes;
    out.seed = random_seed();
    return out;
}

/// Where a Docker on this machine finds the registry: IPv4 if there is such an address.
std::string address_for_engine(const server::http_server& registry) {
    const auto all = registry.bound();
    for (auto e : all) {
        if (!e.address().is_v4())
            continue;
        if (e.address().is_unspecified())
            e.address(asio::ip::address_v4::loopback());
        return aio::to_string(e);
    }
    return aio::to_string(all.front());
}

agent::options agent_options(const config& c, const network& peers, const oci::platform& platform,
                             const server::http_server& registry, const std::string& version,
                             bitswap::exchange& blocks, mesh& shared,
                             decltype(agent::options::meet) meet,
                             decltype(agent::options::shun) shun) {
    std::vector<std::string> addresses;
    for (const auto& a : peers.dialable_addresses())
        addresses.push_back(a.to_string());
    return {
        .self = peers.self(),
        .platform = platform,
        .labels = c.labels,
        .addresses = std::move(addresses),
        .version = version,
        .registry_address = address_for_engine(registry),
        .peers = &blocks,
        .tag_ttl = c.tag_ttl,
        .placement = {.offline_grace = c.offline_grace,
                      .surplus_delay = c.offline_grace / surplus_delay_divisor},
        .see =
            [&shared](const multiformats::peer_id& peer) { return shared.presence().find(peer); },
        .tell = [&shared](std::string report) { shared.presence().set_status(std::move(report)); },
        .meet = std::move(meet),
        .shun = std::move(shun),
        .ready = [&shared] { return shared.records().ready(); }};
}

awaitable<api::history_view> history_of(crdt::shared_map& shared) {
    api::history_view out;
    for (const auto& head : co_await shared.heads())
        out.heads.push_back({head.id.to_string(), head.height});
    out.blocks = shared.counts().blocks;
    out.bytes = shared.counts().history_bytes;
    co_return out;
}

}  // namespace

node::node(executor ex, const config& c, const std::string& version)
    : platform_(host_platform()),
      data_(c.data_dir),
      network_(ex, workers_, c, data_, version),
      registry_identity_(load_identity(c.registry_guard)),
      api_identity_(load_identity(c.api_guard)),
      registry_guard_(load_guard(workers_, c.registry_guard)),
      api_guard_(load_guard(workers_, c.api_guard)),
      registry_server_(
          ex, workers_,
          [this](server::request& req, server::response_writer& out) {
              return registry_routes_.handle(req, out);
          },
          registry_options(registry_identity_)),
      mirror_server_(
          ex, workers_,
          [this](server::request& req, server::response_writer& out) {
              return mirror_routes_.handle(req, out);
          },
          mirror_options()),
      api_server_(
          ex, workers_,
          [this](server::request& req, server::response_writer& out) {
              return answer_api(req, out);
          },
          api_options(api_identity_)),
      local_(ex, workers_, data_ / "state.db", "local"),
      store_(ex, workers_, data_ / "store", {.size_max = c.store_limit_bytes}),
      state_blocks_(ex, workers_, data_ / mesh_state_name),
      ipfs_(ex, workers_, network_.peers(), store_, state_blocks_),
      mesh_(ex, workers_, data_, network_.peers(), state_blocks_, ipfs_.blocks(), c.open_operators),
      http_(ex),
      upstream_(http_, workers_, upstream_options(c)),
      swarm_(ex, workers_, network_.peers(), store_),
      registries_(upstream_),
      origin_(swarm_, registries_),
      engine_(make_engine(ex, http_, c, platform_)),
      // Its options say where the registry is bound, so that comes first.
      agent_((listen(registry_server_, "--registry", c.registry), ex), mesh_.records(), local_,
             store_, origin_, *engine_,
             agent_options(
                 c, network_, platform_, registry_server_, version, ipfs_.blocks(), mesh_,
                 [this](const multiformats::peer_id& peer,
                        const std::vector<std::string>& addresses) { meet(peer, addresses); },
                 [this](const multiformats::peer_id& peer, bool is_forgotten) {
                     shun(peer, is_forgotten);
                 })),
      pushed_(data_ / "registry.db"),
      push_(ex, workers_, store_, pushed_, agent_, agent_),
      registry_(store_, agent_, registry::pushed_content{pushed_, push_, workers_},
                pull_options(registry_guard_.get(), c.registry_guard, swarm_)),
      docker_mirror_(store_, agent_, {}, {.as_mirror = true, .waiting = waiting_for(swarm_)}),
      api_(ex, agent_, mesh_.shared(), mesh_.records(), store_, network_.peers(), ipfs_.blocks(),
           {.platform = platform_,
            .version = version,
            .host_names = {},
            .any_host = api_guard_ != nullptr,
            .limits = limits_at_start(local_, {c.upload_limit, c.download_limit}),
            .limit_rates = [this, options = api::rate_limits{c.upload_limit, c.download_limit}](
                               api::rate_limits told) { return limit_rates(options, told); },
            .history = [this] { return history_of(mesh_.shared()); }}),
      api_handler_(api_.handler()),
      group_(ex) {
    origin_.on_root([this](const crypto::digest& blob) -> std::optional<multiformats::cid> {
        for (const auto& [digest, record] : agent_.records().images())
            if (const auto* const found = record.find(blob))
                return found->cid;
        return std::nullopt;
    });
    registry_.mount(registry_routes_);
    docker_mirror_.mount(mirror_routes_);
    listen(mirror_server_, "--mirror", c.mirror);
    listen(api_server_, "--api", c.api);
    const auto limits = limits_at_start(local_, {c.upload_limit, c.download_limit});
    network_.limit_rates(limits.upload, limits.download);
}

node::~node() = default;

/// They hold at once, and over a restart once that is durable.
awaitable<void> node::limit_rates(api::rate_limits options, api::rate_limits told) {
    network_.limit_rates(told.upload, told.download);
    co_await keep_limits(local_, options, told);
}

void node::start() {
    network_.start();
    ipfs_.start([this] { return agent_.held_roots(); });
    mesh_.start();
    watching_.emplace(agent_.watch([this](const agent::notice& n) {
        if (n.type == "image")
            ipfs_.content_changed();
    }));
    swarm_.start();
    watching_fleet_.emplace(mesh_.presence().changes().add(
        [this](const multiformats::peer_id& peer) { agent_.fleet_changed(peer); }));
    agent_.start();
    push_.start();
    api_.start();
    registry_server_.start();
    mirror_server_.start();
    api_server_.start();
    group_.spawn("memory", keep_small());
    log::info("started", {{"peer", id().to_string()}, {"platform", platform_.to_string()}});
}

awaitable<void> node::stop() {
    // First of all, so that the others know before anything else ends.
    co_await mesh_.presence().say_goodbye();
    std::vector<awaitable<void>> servers;
    servers.push_back(api_server_.stop());
    servers.push_back(registry_server_.stop());
    servers.push_back(mirror_server_.stop());
    co_await aio::all_of(std::move(servers));
    co_await api_.stop();
    co_await push_.stop();
    co_await agent_.stop();
    co_await group_.stop();
    co_await http_.stop();
    watching_.reset();
    watching_fleet_.reset();
    co_await mesh_.stop();
    co_await ipfs_.stop();
    co_await swarm_.stop();
    co_await network_.stop();
    co_await store_.stop();
    log::info("stopped", {{"peer", id().to_string()}});
}

/// The pages hold nothing: they ask for a token. All else needs one, where there are any.
awaitable<void> node::answer_api(server::request& req, server::response_writer& out) {
    const auto& path = req.where().path;
    if (api_guard_ && (path.starts_with("/api/") || path.starts_with("/metrics")) &&
        (co_await api_guard_->identify(req)).empty())
        throw access::ask_who("Bearer");
    co_await api_handler_(req, out);
}

void node::meet(const multiformats::peer_id& peer, const std::vector<std::string>& addresses) {
    if (network_.peers().find(peer))
        return;
    std::vector<multiformats::multiaddr> where;
    for (const auto& text : addresses)
        if (auto address = multiformats::parse_multiaddr(text))
            where.push_back(*std::move(address));
    network_.peers().add_addresses(peer, where, host::recent_address);
    group_.spawn("meet " + peer.to_string(), connect(peer));
}

void node::shun(const multiformats::peer_id& peer, bool is_forgotten) {
    if (is_forgotten) {
        mesh_.pubsub().shun(peer);
        network_.peers().ban(peer, "it has been forgotten", forgotten_time);
    } else {
        network_.peers().unban(peer);
        mesh_.pubsub().hear_again(peer);
    }
}

awaitable<void> node::connect(multiformats::peer_id peer) {
    try {
        co_await network_.peers().connect(peer, {});
    } catch (const failure& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("no connection to a member", {{"peer", peer.to_string()}, {"reason", e.what()}});
    }
}

awaitable<void> node::keep_small() {
    for (;;) {
        co_await aio::sleep_for(memory_interval);
        release_free_memory();
    }
}

}  // namespace dm::daemon
