#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "aio/tcp.hpp"
#include "base/log.hpp"
#include "control/plan/labels.hpp"
#include "libp2p/host/bootstrap.hpp"
#include "multiformats/multiaddr.hpp"
#include "oci/upstream/endpoint.hpp"

namespace dm::daemon {

constexpr std::uint16_t api_port = 3000;
constexpr std::uint16_t registry_port = 5005;
constexpr std::uint16_t p2p_port = 33123;

/// The options of `distromash run` as they are written: by flag, environment variable or
/// configuration file, in this order of precedence.
struct raw_config {
    std::string data_dir = "data";
    std::vector<std::string> api;
    std::vector<std::string> registry;
    std::vector<std::string> mirror;
    std::vector<std::string> p2p;
    std::vector<std::string> bootstrap;
    bool open_mesh = false;
    bool no_mdns = false;
    bool open_operators = false;
    std::string engine = "docker";
    std::string docker_host;
    std::string api_cert;
    std::string api_key;
    std::string api_token_file;
    std::string registry_cert;
    std::string registry_key;
    std::string registry_htpasswd;
    std::string registry_token_file;
    std::string registry_access;
    bool insecure_http = false;
    std::vector<std::string> labels;
    std::vector<std::string> upstreams;
    std::string upstream_ca;
    std::string registry_auth_file;
    std::string tag_ttl;
    std::string store_limit;
    std::string offline_grace;
    std::string upload_limit;
    std::string download_limit;
    std::string log_level = "info";
    std::string log_format = "text";

    friend bool operator==(const raw_config&, const raw_config&) = default;
};

/// Where a server listens.
struct listening {
    std::vector<asio::ip::tcp::endpoint> at;
    /// Not asked for by the operator: an address that this machine does not have is left out.
    bool by_default = false;
};

/// Files of a server that other machines may reach; empty where there is none.
struct guarding {
    std::string cert;      ///< PEM, with its chain
    std::string key;       ///< PEM
    std::string htpasswd;  ///< of the registry
    std::string tokens;    ///< "NAME TOKEN", one a line
    std::string access;    ///< "WHO REPOSITORIES ROLES", of the registry

    bool knows_callers() const noexcept { return !htpasswd.empty() || !tokens.empty(); }
};

enum class engine_kind { docker, none };

/// The same, understood.
struct config {
    std::filesystem::path data_dir;
    listening api;
    listening registry;
    listening mirror;  ///< of Docker Hub, for dockerd
    guarding api_guard;
    guarding registry_guard;
    std::vector<multiformats::multiaddr> p2p;  ///< empty: as the mesh allows
    std::vector<host::known_peer> bootstrap;
    bool open_mesh = false;       ///< peers without a key of the mesh are welcome
    bool open_operators = false;  ///< every member may steer the fleet
    bool mdns = true;             ///< peers on the local network are looked for
    engine_kind engine = engine_kind::docker;
    std::string docker_host;  ///< "unix:///var/run/docker.sock"
    plan::labels labels;
    upstream::mapping upstreams;
    std::string upstream_ca;
    std::string registry_auth_file;
    std::chrono::seconds tag_ttl{300};
    std::uint64_t store_limit_bytes = 0;          ///< 0: as the disk allows
    std::chrono::seconds offline_grace{15 * 60};  ///< a slot stays an absent node's for so long
    std::uint64_t upload_limit = 0;               ///< bytes a second; 0: without limit
    std::uint64_t download_limit = 0;
    log_level level = log_level::info;
    log_format format = log_format::text;
};

/// Errors: bad_option, not_loopback; the sentence names the option.
result<config> parse_config(const raw_config& raw);

}  // namespace dm::daemon
