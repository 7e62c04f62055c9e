#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/engine/image_engine.hpp"

/// What a Docker daemon answers, read. Pure; what cannot be read is `malformed_answer`.
/// Spec: Docker Engine API v1.41 to v1.44.
namespace dm::docker {

constexpr std::size_t message_bytes_max = 400;  ///< of what Docker says went wrong
constexpr std::size_t answer_bytes_max = 4 << 20;
constexpr std::size_t answer_values_max = 200'000;

struct api_version {
    unsigned major = 0;
    unsigned minor = 0;

    std::string to_string() const;
    friend auto operator<=>(const api_version&, const api_version&) = default;
};

constexpr api_version oldest_api{1, 32};     ///< first with `platform` for pulls
constexpr api_version preferred_api{1, 41};  ///< Docker 20.10
constexpr api_version newest_api{1, 44};     ///< Docker 25; what 29.0 wants at least

/// "1.41".
result<api_version> parse_api_version(std::string_view text);

/// GET /version.
struct daemon_version {
    std::string engine;   ///< "docker" or "podman"
    std::string version;  ///< "20.10.24"
    api_version api_newest;
    api_version api_oldest;
    engine::platform runs_on;  ///< without variant
};
result<daemon_version> read_version(std::string_view body);

/// The version to speak: the preferred one where the daemon has it, else the nearest it has. None
/// (`unsupported_engine`) outside of oldest_api to newest_api.
result<api_version> choose_api(const daemon_version& daemon);

/// GET /info: store, root folder and platform with its variant.
result<engine::engine_info> read_info(std::string_view body, const daemon_version& daemon);

/// GET /images/{name}/json.
result<engine::image> read_image(std::string_view body);

/// GET /images/json: without platforms.
result<std::vector<engine::image>> read_images(std::string_view body);

/// GET /containers/json.
result<std::vector<engine::container>> read_containers(std::string_view body);

/// DELETE /images/{name}: true when an image was deleted, not only a name.
result<bool> read_deletion(std::string_view body);

/// A line of GET /events; nullopt for one that says nothing to us.
std::optional<engine::event> read_event(std::string_view line);

/// The message of an error answer, or the text itself, on one line.
std::string message_in(std::string_view body);

/// Docker's words fit for a log line: control characters become blanks, cut at
/// `message_bytes_max`.
std::string one_line(std::string_view text);

/// An error answer as our error; its detail starts with "Docker: ".
error refusal(int status, std::string_view body);

}  // namespace dm::docker
