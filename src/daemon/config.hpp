#pragma once

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
    std::vector<std::string> p2p;
    std::vector<std::string> bootstrap;
    bool open_mesh = false;
    bool no_mdns = false;
    std::string engine = "docker";
    std::string docker_host;
    std::vector<std::string> labels;
    std::vector<std::string> upstreams;
    std::string upstream_ca;
    std::string registry_auth_file;
    std::string store_limit;
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

enum class engine_kind { docker, none };

/// The same, understood.
struct config {
    std::filesystem::path data_dir;
    listening api;
    listening registry;
    std::vector<multiformats::multiaddr> p2p;  ///< empty: as the mesh allows
    std::vector<host::known_peer> bootstrap;
    bool open_mesh = false;  ///< peers without a key of the mesh are welcome
    bool mdns = true;        ///< peers on the local network are looked for
    engine_kind engine = engine_kind::docker;
    std::string docker_host;  ///< "unix:///var/run/docker.sock"
    plan::labels labels;
    upstream::mapping upstreams;
    std::string upstream_ca;
    std::string registry_auth_file;
    std::uint64_t store_limit_bytes = 0;  ///< 0: as the disk allows
    std::uint64_t upload_limit = 0;       ///< bytes a second; 0: without limit
    std::uint64_t download_limit = 0;
    log_level level = log_level::info;
    log_format format = log_format::text;
};

/// Errors: bad_option, not_loopback; the sentence names the option.
result<config> parse_config(const raw_config& raw);

}  // namespace dm::daemon
