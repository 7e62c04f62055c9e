#include "daemon/platform.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <string>

namespace dm::daemon {

oci::platform platform_named(std::string_view system, std::string_view machine) {
    oci::platform out{.os = std::string(system), .architecture = std::string(machine)};
    std::ranges::transform(out.os, out.os.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    // "armv6l", "armv7l"; "armv8l" is 32-bit code on a 64-bit core, which runs v7.
    if (machine.starts_with("armv") && machine.size() > 4) {
        out.architecture = "arm";
        out.variant = std::string("v") + std::min(machine[4], '7');
    } else if (machine.size() == 4 && machine.front() == 'i' && machine.ends_with("86")) {
        out.architecture = "386";
    } else if (machine == "loongarch64") {
        out.architecture = "loong64";
    }
    return oci::normalise(std::move(out));
}

oci::platform host_platform() {
    utsname names{};
    ::uname(&names);
    return platform_named(names.sysname, names.machine);
}

}  // namespace dm::daemon
