#include "daemon/commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "daemon/cid/cid_command.hpp"
#include "daemon/doctor.hpp"
#include "daemon/errc.hpp"
#include "daemon/mesh_commands.hpp"
#include "daemon/run.hpp"
#include "daemon/run_options.hpp"

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

void add_run(CLI::App& app, action& chosen, const std::string& version) {
    auto& command = *app.add_subcommand("run", "run the node");
    command.footer(run_footer);
    const auto options = std::make_shared<run_options>();
    add_run_options(command, *options);
    command.callback([&command, &chosen, options, version] {
        auto c = config_of(command, *options);
        if (!c && c.error().code == errc::bad_option)
            throw CLI::ValidationError(c.error().message());
        chosen = [c = std::move(c), version] { return run(value_or_throw(c), version); };
    });
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
    add_mesh_commands(app, chosen);
    add_doctor(app, chosen);
    add_cid(app, chosen);
}

}  // namespace dm::daemon
