#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dm::docker {

constexpr std::string_view default_socket_path = "/var/run/docker.sock";
constexpr std::size_t socket_path_max = 107;  ///< what the kernel takes

/// The socket behind `--docker-host` or DOCKER_HOST: "unix:///run/docker.sock" or a plain path;
/// empty is the default. Other kinds ("tcp://", "ssh://") are refused (`invalid_request`): images
/// are for the Docker of this machine.
result<std::string> socket_path_of(std::string_view docker_host);

}  // namespace dm::docker
