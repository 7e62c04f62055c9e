#include "runtime/docker/docker_host.hpp"

#include <fmt/format.h>

#include "runtime/engine/errc.hpp"

namespace dm::docker {

result<std::string> socket_path_of(std::string_view docker_host) {
    if (docker_host.empty())
        return std::string(default_socket_path);
    constexpr std::string_view scheme = "unix://";
    const bool named = docker_host.starts_with(scheme);
    const auto path = named ? docker_host.substr(scheme.size()) : docker_host;
    if (!named && path.contains("://"))
        return fail(engine::errc::invalid_request,
                    fmt::format("Docker is reached over a unix socket of this machine "
                                "(unix:///var/run/docker.sock), not over {}",
                                docker_host));
    if (!path.starts_with('/') || path.contains('\0'))
        return fail(engine::errc::invalid_request,
                    fmt::format("\"{}\" is no path of a socket: it starts with a slash", path));
    if (path.size() > socket_path_max)
        return fail(engine::errc::invalid_request,
                    fmt::format("the path of Docker's socket is longer than {} bytes: {}",
                                socket_path_max, path));
    return std::string(path);
}

}  // namespace dm::docker
