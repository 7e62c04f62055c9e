#pragma once

#include <chrono>
#include <string>

namespace dm {

using steady_time = std::chrono::steady_clock::time_point;
using wall_time = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC with milliseconds: "2026-01-31T12:00:00.000Z".
std::string to_rfc3339(wall_time t);

}  // namespace dm
