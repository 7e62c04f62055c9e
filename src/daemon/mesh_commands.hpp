#pragma once

#include "daemon/commands.hpp"

namespace dm::daemon {

/// Adds `init`, `join` and `mesh-key`: how a node comes into a private mesh.
void add_mesh_commands(CLI::App& app, action& chosen);

}  // namespace dm::daemon
