#pragma once

#include <string>

#include "daemon/config.hpp"

namespace CLI {
class App;
}

namespace dm::daemon {

/// What `distromash run` was told.
struct run_options {
    raw_config raw;
    std::string config_file;  ///< empty: none
};

/// Gives `command` the options of `run`, each a flag, an environment variable and a line of the
/// file that --config names. `into` outlives the parsing.
void add_run_options(CLI::App& command, run_options& into);

/// After parsing: reads the file for what neither a flag nor a variable gave, and checks it all.
/// Throws CLI::ParseError for a file that cannot be read or names an option that there is none of;
/// otherwise fails as parse_config does.
result<config> config_of(CLI::App& command, run_options& options);

/// The folder alone, for commands that need no node.
void add_data_dir_option(CLI::App& command, std::string& into);

}  // namespace dm::daemon
