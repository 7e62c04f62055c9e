#include "daemon/engine.hpp"

#include <fmt/format.h>

#include "daemon/errc.hpp"
#include "runtime/docker/docker_engine.hpp"
#include "runtime/none/no_engine.hpp"

namespace dm::daemon {

std::unique_ptr<engine::image_engine> make_engine(executor ex, http::client& client,
                                                  const config& c, const oci::platform& host) {
    if (c.engine == engine_kind::none)
        return std::make_unique<none::no_engine>(
            std::move(ex), engine::platform{host.os, host.architecture, host.variant});
    auto socket = docker::socket_path_of(c.docker_host);
    if (!socket)
        raise(errc::bad_option, fmt::format("--docker-host: {}", socket.error().message()));
    return std::make_unique<docker::docker_engine>(
        client, docker::docker_options{.socket_path = *std::move(socket)});
}

}  // namespace dm::daemon
