#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "aio/event.hpp"
#include "runtime/engine/image_engine.hpp"

namespace dm::engine {

/// An image_engine in memory, with hands to move the world around it: registries, containers, an
/// operator at the command line, an engine that goes down.
class memory_engine final : public image_engine {
  public:
    explicit memory_engine(executor ex, image_store store = image_store::graph);

    awaitable<engine_info> info() override;
    awaitable<std::vector<image>> list(std::vector<std::string> names_or_ids) override;
    awaitable<std::string> pull(std::string source, std::optional<platform> wanted,
                                progress_listener listener) override;
    awaitable<void> tag(std::string image_id, std::string name) override;
    awaitable<removal> remove(std::string name, std::string image_id) override;
    awaitable<void> changes(event_listener listener) override;

    /// From now on `source` can be pulled, for its platform only; id, platform, size and labels are
    /// taken from `what`.
    void offer(const std::string& source, image what);

    /// Nothing works while down, and changes() ends.
    void set_down(bool down);
    /// Nothing is answered, but changes() goes on: an engine that hangs.
    void set_hanging(bool hanging) { hanging_ = hanging; }

    /// A container of an image that is there.
    void add_container(const std::string& name_or_id, const std::string& container_name,
                       bool running = false);
    void remove_container(const std::string& container_name);

    /// What an operator does by hand: `docker load` of an image without a name, `docker tag` and
    /// `docker rmi --force`.
    void load_by_hand(const image& what);
    void tag_by_hand(const std::string& name_or_id, const std::string& name);
    void remove_by_hand(const std::string& name);

    /// Runs within each pull, when half of the bytes are there: may take its time, or throw.
    std::function<awaitable<void>(std::string source)> during_pull;

    std::vector<std::string> pulled;  ///< sources of all pulls that were begun

  private:
    struct held_container {
        std::string image_id;
        container what;
    };

    awaitable<void> begin();
    std::string find(std::string_view name_or_id) const;
    std::vector<std::string> names_of(const std::string& image_id) const;
    image shown(const std::string& image_id) const;
    std::vector<container> users_of(const std::string& image_id) const;
    bool drop_name(const std::string& name);
    void tell(const event& what);

    executor executor_;
    engine_info info_;
    bool down_ = false;
    bool hanging_ = false;
    aio::event down_changed_;
    std::map<std::string, image> offered_;      ///< by source
    std::map<std::string, image> images_;       ///< by id
    std::map<std::string, std::string> names_;  ///< familiar name → id
    std::map<std::string, held_container> containers_;
    std::list<event_listener> listeners_;
};

}  // namespace dm::engine
