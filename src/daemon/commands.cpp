#include "daemon/commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "daemon/cid/cid_command.hpp"
#include "daemon/config.hpp"
#include "daemon/data_dir.hpp"
#include "daemon/errc.hpp"
#include "daemon/run.hpp"

namespace dm::daemon {
namespace {

constexpr const char* run_footer =
    "Every option can also be an environment variable (--data-dir: DISTROMASH_DATA_DIR; --api:\n"
    "DISTROMASH_API_LISTEN, since DISTROMASH_API is where the other commands look for the node) "
    "or\n"
    "a line of the --config file (data-dir = \"/var/lib/distromash\"). Flags win over variables,\n"
    "variables over the file. Lists are separated by commas in variables.\n"
    "\n"
    "Examples:\n"
    "  distromash run\n"
    "  distromash run --bootstrap "
    "/ip4/192.0.2.10/tcp/33123/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA\n"
    "  distromash run --data-dir /var/lib/distromash --label site=store --store-limit 20GiB\n"
    "  distromash run --upstream docker.io=http://127.0.0.1:5000 --engine none";

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

void add_options(CLI::App& command, raw_config& c) {
    add(command, "--data-dir", c.data_dir, "folder of this node: identity, state and images",
        "DIR");
    add(command, "--api", c.api,
        fmt::format("where the API listens, on loopback; may be repeated "
                    "(127.0.0.1:{0} and [::1]:{0})",
                    api_port),
        "ADDR");
    add(command, "--registry", c.registry,
        fmt::format("where the registry for docker pull listens, on loopback; may be repeated "
                    "(127.0.0.1:{0} and [::1]:{0})",
                    registry_port),
        "ADDR");
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
    add(command, "--log-level", c.log_level, "trace, debug, info, warn, error or off", "LEVEL");
    add(command, "--log-format", c.log_format, "text or json", "text|json");
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

void add_run(CLI::App& app, action& chosen, const std::string& version) {
    auto& command = *app.add_subcommand("run", "run the node");
    command.footer(run_footer);
    const auto raw = std::make_shared<raw_config>();
    const auto file = std::make_shared<std::string>();
    add_options(command, *raw);
    add(command, "--config", *file, "file with any of these options", "FILE").configurable(false);
    command.callback([&app = command, &chosen, raw, file, version] {
        if (!file->empty())
            read_config_file(app, *file);
        auto c = parse_config(*raw);
        if (!c && c.error().code == errc::bad_option)
            throw CLI::ValidationError(c.error().message());
        chosen = [c = std::move(c), version] { return run(value_or_throw(c), version); };
    });
}

int init(const std::string& folder) {
    const data_dir data(folder);
    const multiformats::peer_id self(data.identity().public_key());
    const bool made = data.make_swarm_key();
    const auto file = (data / swarm_key_name).string();
    fmt::print("peer      {}\nmesh      {}\nkey       {} ({})\n", self.to_string(),
               pnet::fingerprint(*data.swarm_key()), file, made ? "new" : "was there already");
    fmt::print(
        "\nCopy {} into the data folder of every node of this mesh, then start them with\n"
        "`distromash run`; whoever has it is a member.\n",
        file);
    return 0;
}

void add_init(CLI::App& app, action& chosen) {
    auto& command = *app.add_subcommand(
        "init", "make the identity of this node and the key of a new private mesh");
    const auto folder = std::make_shared<std::string>("data");
    add(command, "--data-dir", *folder, "folder of this node", "DIR");
    command.callback([&chosen, folder] { chosen = [folder] { return init(*folder); }; });
}

void add_cid(CLI::App& app, action& chosen) {
    auto& command = *app.add_subcommand(
        "cid", "print the CID that `ipfs add -r --cid-version=1` would print; needs no node");
    const auto path = std::make_shared<std::string>();
    const auto options = std::make_shared<cid_command::cid_options>();
    command.add_option("path", *path, "file or folder")->type_name("PATH")->required();
    command.add_flag("--hidden", options->hidden, "include entries that start with a dot");
    command.callback([&chosen, path, options] {
        chosen = [path, options] {
            const auto cid = value_or_throw(cid_command::cid_of_path(*path, *options));
            std::printf("%s\n", cid.c_str());
            return 0;
        };
    });
}

}  // namespace

void add_commands(CLI::App& app, action& chosen, const std::string& version) {
    add_run(app, chosen, version);
    add_init(app, chosen);
    add_cid(app, chosen);
}

}  // namespace dm::daemon
