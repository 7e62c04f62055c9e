#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace dm::daemon {

/// What a command line asks for, once it is parsed; gives the exit code. Throws failure.
using action = std::function<int()>;

/// Adds `run` and the commands that need no node. `chosen` is set when one of them is parsed.
void add_commands(CLI::App& app, action& chosen, const std::string& version);

}  // namespace dm::daemon
