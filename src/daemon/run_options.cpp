#include "daemon/run_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace dm::daemon {
namespace {

/// "--store-limit" → "DISTROMASH_STORE_LIMIT".
std::string variable_of(std::string_view flag) {
    if (flag == "--api")
        return "DISTROMASH_API_LISTEN";
    std::string out = "DISTROMASH_";
    for (const char c : flag.substr(2))
        out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return out;
}

template <class T>
CLI::Option& add(CLI::App& command, const std::string& flag, T& into, const std::string& text,
                 const std::string& type) {
    auto& option = *command.add_option(flag, into, text);
    option.envname(variable_of(flag))->type_name(type);
    if constexpr (!std::is_same_v<T, std::string>)
        option.delimiter(',')->expected(1)->take_all();
    else
        option.capture_default_str();
    return option;
}

/// Options of the file, where neither a flag nor a variable gave them.
void read_config_file(CLI::App& command, const std::string& file) {
    for (const auto& item : CLI::ConfigBase().from_file(file)) {
        if (item.name == "++" || item.name == "--")
            continue;
        auto* option = command.get_option_no_throw("--" + item.name);
        const bool elsewhere =
            !item.parents.empty() && item.parents != std::vector<std::string>{"run"};
        if (!option || !option->get_configurable() || elsewhere)
            throw CLI::ConfigError(
                fmt::format("{}: there is no option \"{}\"", file, item.fullname()),
                CLI::ExitCodes::ConfigError);
        if (option->count() > 0)
            continue;
        option->add_result(item.inputs);
        option->run_callback();
    }
}

}  // namespace

void add_run_options(CLI::App& command, run_options& into) {
    auto& c = into.raw;
    add(command, "--data-dir", c.data_dir, "folder of this node: identity, state and images",
        "DIR");
    add(command, "--api", c.api,
        fmt::format("where the API listens; off loopback it needs a certificate and tokens; may be "
                    "repeated (127.0.0.1:{0} and [::1]:{0})",
                    api_port),
        "ADDR");
    add(command, "--api-cert", c.api_cert, "certificate of the API, with its chain (PEM)", "FILE");
    add(command, "--api-key", c.api_key, "its key (PEM)", "FILE");
    add(command, "--api-token-file", c.api_token_file,
        "who may use the API, by Authorization: Bearer; a name and a token a line", "FILE");
    add(command, "--registry", c.registry,
        fmt::format("where the registry for docker pull and push listens; off loopback it needs a "
                    "certificate and passwords or tokens; may be repeated (127.0.0.1:{0} and "
                    "[::1]:{0})",
                    registry_port),
        "ADDR");
    add(command, "--registry-cert", c.registry_cert,
        "certificate of the registry, with its chain (PEM)", "FILE");
    add(command, "--registry-key", c.registry_key, "its key (PEM)", "FILE");
    add(command, "--registry-htpasswd", c.registry_htpasswd,
        "who may use the registry, by docker login: what htpasswd -B writes", "FILE");
    add(command, "--registry-token-file", c.registry_token_file,
        "the same by bearer token; a name and a token a line", "FILE");
    add(command, "--registry-access", c.registry_access,
        "who may do what where, as \"alice team/* read,push\"; roles are read, push, delete, "
        "admin (everybody who is known may do all but admin)",
        "FILE");
    command
        .add_flag("--insecure-http", c.insecure_http,
                  "API and registry may be reached by other machines without TLS: behind a proxy "
                  "of your own that speaks it")
        ->envname(variable_of("--insecure-http"));
    add(command, "--mirror", c.mirror,
        "where to answer as a mirror of Docker Hub (registry-mirrors of a Docker), on loopback: "
        "names without a host are of there, nothing that was pushed is seen; may be repeated",
        "ADDR");
    add(command, "--tag-ttl", c.tag_ttl,
        "how long what a tag means upstream is taken for true in pulls through the registry (5m)",
        "TIME");
    add(command, "--p2p", c.p2p,
        fmt::format("multiaddress to listen on for peers; may be repeated (port {} of all "
                    "interfaces in a mesh with a key or with --open-mesh, else of loopback)",
                    p2p_port),
        "MULTIADDR");
    add(command, "--bootstrap", c.bootstrap,
        "a peer to stay connected to, as it prints its address; may be repeated; the file "
        "peerstore in the data folder holds more",
        "MULTIADDR");
    command
        .add_flag("--open-mesh", c.open_mesh,
                  "admit peers that do not have the key of a mesh, from any machine")
        ->envname(variable_of("--open-mesh"));
    command
        .add_flag("--no-mdns", c.no_mdns,
                  "do not look for peers on the local network, nor let them find this node there")
        ->envname(variable_of("--no-mdns"));
    command
        .add_flag("--open-operators", c.open_operators,
                  "let every member of the mesh steer it, whatever the file operators in the data "
                  "folder says")
        ->envname(variable_of("--open-operators"));
    add(command, "--engine", c.engine, "what images are loaded into: docker, or none",
        "docker|none");
    add(command, "--docker-host", c.docker_host,
        "Docker's socket (DOCKER_HOST, else unix:///var/run/docker.sock)", "unix://PATH");
    add(command, "--label", c.labels,
        "what this node is, for strategies to select; may be repeated", "K=V");
    add(command, "--upstream", c.upstreams,
        "where to reach a registry instead: docker.io=http://127.0.0.1:5000; may be repeated",
        "HOST=URL");
    add(command, "--upstream-ca", c.upstream_ca,
        "certificates (PEM) to trust beside the system's, for registries", "FILE");
    add(command, "--registry-auth-file", c.registry_auth_file,
        "credentials for registries, instead of those of docker login", "FILE");
    add(command, "--store-limit", c.store_limit,
        "most bytes of images to hold: 500MB, 20GiB (as the disk allows)", "SIZE");
    add(command, "--offline-grace", c.offline_grace,
        "how long a node may be away before another takes its place: 90s, 15m, 2h (15m); the same "
        "on all nodes",
        "TIME");
    add(command, "--upload-limit", c.upload_limit,
        "most that this node sends to peers, a second: 500KB, 10MB (no limit)", "RATE");
    add(command, "--download-limit", c.download_limit,
        "most that this node receives from peers, a second (no limit)", "RATE");
    add(command, "--log-level", c.log_level, "trace, debug, info, warn, error or off", "LEVEL");
    add(command, "--log-format", c.log_format, "text or json", "text|json");
    add(command, "--config", into.config_file, "file with any of these options", "FILE")
        .configurable(false);
}

result<config> config_of(CLI::App& command, run_options& options) {
    if (!options.config_file.empty())
        read_config_file(command, options.config_file);
    return parse_config(options.raw);
}

void add_data_dir_option(CLI::App& command, std::string& into) {
    add(command, "--data-dir", into, "folder of this node", "DIR");
}

}  // namespace dm::daemon
