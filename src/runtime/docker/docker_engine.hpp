#pragma once

#include "runtime/docker/connection.hpp"
#include "runtime/docker/docker_host.hpp"

namespace dm::docker {

struct docker_options {
    std::string socket_path = std::string(default_socket_path);
    std::chrono::milliseconds answer_limit{30'000};
    std::chrono::milliseconds removal_limit{600'000};  ///< deleting gigabytes from cold flash
    std::chrono::milliseconds pull_stall_limit{600'000};
};

/// The Docker daemon of this machine, over its unix socket. Needs no credentials: it pulls from
/// this node's own registry.
/// Spec: Docker Engine API v1.41.
class docker_engine final : public engine::image_engine {
  public:
    /// `client` outlives it.
    explicit docker_engine(http::client& client, docker_options options = {});

    awaitable<engine::engine_info> info() override;
    awaitable<std::vector<engine::image>> list(std::vector<std::string> names_or_ids) override;
    awaitable<std::string> pull(std::string source, std::optional<engine::platform> wanted,
                                engine::progress_listener listener) override;
    awaitable<void> tag(std::string image_id, std::string name) override;
    awaitable<engine::removal> remove(std::string name, std::string image_id) override;
    awaitable<void> changes(engine::event_listener listener) override;

  private:
    awaitable<std::optional<engine::image>> look_up(std::string name_or_id);
    awaitable<std::vector<engine::container>> users_of(std::string image_id);

    connection docker_;
    docker_options options_;
};

}  // namespace dm::docker
