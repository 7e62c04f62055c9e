#pragma once

#include <string_view>

#include "oci/platform.hpp"

namespace dm::daemon {

/// What this machine runs.
oci::platform host_platform();

/// From what uname(2) says: "Linux", "armv7l".
oci::platform platform_named(std::string_view system, std::string_view machine);

}  // namespace dm::daemon
