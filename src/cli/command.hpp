#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/node_client.hpp"
#include "cli/output.hpp"

/// How the commands are put together. For .cpp files of this module only.
namespace dm::cli {

/// What all commands share.
struct shared_options {
    std::string api{default_api};
    output_format output = output_format::table;
    action* chosen = nullptr;

    bool as_json() const noexcept { return output == output_format::json; }
};
using context = std::shared_ptr<shared_options>;

void add_shared_options(CLI::App& command, const context& c);

/// A command with the shared options.
CLI::App& add_command(CLI::App& group, const context& c, const std::string& name,
                      const std::string& description, const std::string& examples = {});
/// A command that only holds others.
CLI::App& add_group(CLI::App& app, const std::string& name, const std::string& description);

/// What the command does with the node.
void on_run(CLI::App& command, const context& c, std::function<void(node_client&)> run);

/// Waits until a transfer has ended and shows how it goes on; returns its last state. Throws
/// failure (failed) with the node's sentence when it failed.
json follow_transfer(node_client& node, const std::string& id);

void add_strategy_commands(CLI::App& app, const context& c);
void add_image_commands(CLI::App& app, const context& c);
void add_node_commands(CLI::App& app, const context& c);
void add_operator_commands(CLI::App& app, const context& c);
void add_status_command(CLI::App& app, const context& c);
void add_store_commands(CLI::App& app, const context& c);
void add_get_command(CLI::App& app, const context& c);
void add_ipdr_commands(CLI::App& app, const context& c);

}  // namespace dm::cli
