#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace dm::cli {

/// What a command line asks for, once it is parsed; gives the exit code. Throws failure.
using action = std::function<int()>;

/// Adds the commands that talk to a running node, and the options that all of them share. `chosen`
/// is set when one of them is parsed; it and `app` outlive each other.
void add_commands(CLI::App& app, action& chosen);

}  // namespace dm::cli
