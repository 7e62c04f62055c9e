#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "base/result.hpp"
#include "cli/commands.hpp"
#include "daemon/commands.hpp"

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

constexpr const char* description =
    "DistroMash puts container images on the machines of a fleet: say which image belongs where, "
    "and "
    "the nodes make it so.";
constexpr const char* footer =
    "Begin with:\n"
    "  distromash run\n"
    "  distromash strategy apply busybox:1.35.0 --percentage 100\n"
    "  distromash status --watch\n"
    "\n"
    "`distromash COMMAND --help` says more about each command.";

/// What is wrong with the command line, in one line, and where to read on.
int report_usage(const CLI::App& app, std::string text) {
    text = text.substr(0, text.find('\n'));
    std::string name = "distromash";
    for (const auto* at = &app; !at->get_subcommands().empty();) {
        at = at->get_subcommands().front();
        name += " " + at->get_name();
    }
    fmt::print(stderr, "distromash: {} (see `{} --help`)\n", text, name);
    return exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(description, "distromash");
    app.footer(footer);
    app.set_version_flag("--version", "distromash " DM_VERSION);
    std::function<int()> chosen;
    dm::daemon::add_commands(app, chosen, DM_VERSION);
    dm::cli::add_commands(app, chosen);
    try {
        app.parse(argc, argv);
        return chosen ? chosen() : report_usage(app, "name a command");
    } catch (const CLI::ParseError& e) {
        return e.get_exit_code() == 0 ? app.exit(e) : report_usage(app, e.what());
    } catch (const std::exception& e) {
        fmt::print(stderr, "distromash: {}\n", dm::error_of(e).message());
        return exit_failed;
    }
}
