#pragma once

#include <string>

#include "daemon/config.hpp"

namespace dm::daemon {

/// Runs one node until SIGTERM, SIGINT or SIGHUP; a second one ends it at once. Returns the exit
/// code. Throws failure, whose sentence is for the operator, when it cannot start.
int run(const config& c, const std::string& version);

}  // namespace dm::daemon
