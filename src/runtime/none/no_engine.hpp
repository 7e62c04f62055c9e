#pragma once

#include "runtime/engine/image_engine.hpp"

namespace dm::none {

/// The engine of a node that keeps images in its store and serves them, and loads them nowhere
/// (`--engine none`). It has no image and never changes. Whoever plans sees `image_store::none`
/// and neither pulls nor tags; doing so all the same throws `errc::no_engine`.
class no_engine final : public engine::image_engine {
  public:
    /// `host`: what this machine runs, which decides which platform's blobs the store wants.
    no_engine(executor ex, engine::platform host);

    awaitable<engine::engine_info> info() override;
    awaitable<std::vector<engine::image>> list(std::vector<std::string> names_or_ids) override;
    awaitable<std::string> pull(std::string source, std::optional<engine::platform> wanted,
                                engine::progress_listener listener) override;
    awaitable<void> tag(std::string image_id, std::string name) override;
    awaitable<engine::removal> remove(std::string name, std::string image_id) override;
    /// Says `connected` and then nothing, until it is cancelled.
    awaitable<void> changes(engine::event_listener listener) override;

  private:
    executor executor_;
    engine::platform host_;
};

}  // namespace dm::none
