#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/engine/image_engine.hpp"

namespace dm::docker {

/// Layers that are followed; Docker itself takes 127.
constexpr std::size_t layers_max = 512;
/// Larger numbers are no sizes of layers; their sum would not fit.
constexpr std::uint64_t layer_bytes_max = std::uint64_t{1} << 48;

/// Reads what Docker says during a pull: one JSON object a line. Unknown members and states are
/// skipped, and so are lines that are no JSON.
/// Spec: Docker Engine API v1.41, POST /images/create.
class pull_reader {
  public:
    /// True when the progress has changed.
    bool take(std::string_view line);

    const engine::pull_progress& progress() const noexcept { return progress_; }

    /// At the end of the stream: whether the image is there now. The status 200 says nothing.
    result<void> finish() const;

  private:
    engine::layer_progress* layer(const std::string& id);
    void sum_up();

    engine::pull_progress progress_;
    std::unordered_map<std::string, std::size_t> index_;  ///< layer id → place in progress_
    bool done_ = false;
    std::string failure_;
};

/// What went wrong with a pull, from Docker's own words.
error pull_error(std::string_view message);

}  // namespace dm::docker
