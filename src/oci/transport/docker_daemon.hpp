#pragma once

#include <string>

#include "oci/transport/file.hpp"

namespace dm::transport {

/// The archive of an image out of a Docker daemon, in a temporary file. Blocks. `socket` is the
/// path of its Unix socket. Throws not_found, failed.
/// Spec: Docker Engine API "ImageGet".
file save_from_daemon(const std::string& socket, const std::string& reference);

/// Gives a Docker daemon an archive. Throws failed with what the daemon says.
/// Spec: Docker Engine API "ImageLoad".
void load_into_daemon(const std::string& socket, const file& archive);

/// Has a Docker daemon pull `reference`, which has a tag. Throws failed with what the daemon says.
/// Spec: Docker Engine API "ImageCreate".
void pull_into_daemon(const std::string& socket, const std::string& reference);

/// Of DOCKER_HOST, else /var/run/docker.sock. Throws unsupported where that is no Unix socket.
std::string daemon_socket();

}  // namespace dm::transport
