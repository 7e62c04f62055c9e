#include "base/clock.hpp"

#include <fmt/chrono.h>

namespace dm {

std::string to_rfc3339(wall_time t) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                       (ms - seconds).count());
}

}  // namespace dm
