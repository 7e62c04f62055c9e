#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "base/rng.hpp"
#include "content/store/content_store.hpp"
#include "control/agent/catalogue.hpp"
#include "control/agent/transfers.hpp"
#include "control/agent/views.hpp"
#include "multiformats/peer_id.hpp"
#include "oci/importer/importer.hpp"
#include "oci/platform.hpp"
#include "oci/registry/name_resolver.hpp"
#include "oci/upstream/registry_client.hpp"
#include "runtime/engine/image_engine.hpp"

namespace dm::agent {

struct options {
    multiformats::peer_id self;
    oci::platform platform;  ///< of this machine
    plan::labels labels;
    std::vector<std::string> addresses;  ///< multiaddresses
    std::string version;
    std::string registry_address = "127.0.0.1:5005";  ///< where the engine finds our registry

    std::chrono::milliseconds retry_delay_min{1'000};
    std::chrono::milliseconds retry_delay_max{120'000};
    std::chrono::milliseconds review_interval{
        60'000};  ///< a look at everything even if nothing happened
};

/// Something that a watcher of the node wants to know: {"type":"strategy","key":…}.
struct notice {
    std::string type;  ///< "strategy", "image", "transfer", "node", "crdt"
    std::string json;  ///< one object
};

/// Carries out on this node what the fleet's strategies want: level-triggered, from the shared
/// state, the store and the engine as they are. Also what the API and the registry ask of the node.
/// Lives on the loop.
class agent final : public registry::name_resolver {
  public:
    agent(executor ex, state::durable_map& shared, state::durable_map& local,
          store::content_store& store, upstream::registry_client& upstream,
          engine::image_engine& engine, options o);
    agent(const agent&) = delete;
    agent& operator=(const agent&) = delete;
    ~agent() override;

    void start();
    awaitable<void> stop();

    // Strategies. Keys are ids, prototype keys or image names of which there is one strategy.

    /// Resolves the tag (fleet, else upstream; applied again: upstream, else fleet), writes the
    /// record, returns when it is durable. Throws not_found for an unknown image, unavailable when
    /// nobody can tell.
    awaitable<strategy_view> apply(plan::strategy_request request);
    awaitable<preview> dry_run(plan::strategy_request request);
    awaitable<strategy_view> set_execute(std::string key, bool execute);
    /// Throws not_found.
    awaitable<void> remove_strategy(std::string key);
    std::vector<strategy_view> strategies() const;
    /// Throws not_found.
    strategy_view strategy(std::string_view key) const;

    // Images, by name, digest or root CID.

    std::vector<image_view> images() const;
    /// Throws not_found.
    image_view image(std::string_view which) const;
    /// Resolves, then imports in the background; imports of the same image at the same time share
    /// one transfer. The image stays until remove_image. Returns the transfer's id. Throws as
    /// apply() does.
    awaitable<std::string> import_image(oci::reference ref, oci::platform_choice platforms);
    /// Lets go of an image that was imported by hand: its names are forgotten, its blobs may be
    /// evicted. Throws not_found, or conflict when a strategy wants it.
    awaitable<void> remove_image(std::string which);

    // Pins by CID. Throws not_found when the content is not here.

    awaitable<void> pin(multiformats::cid root);
    awaitable<bool> unpin(multiformats::cid root);
    awaitable<std::vector<multiformats::cid>> pins();

    // The node and its surroundings.

    std::vector<node_view> nodes() const;
    const transfers& moving() const noexcept { return transfers_; }
    const catalogue& records() const noexcept { return catalogue_; }
    /// Names of the images that a blob is part of.
    std::vector<std::string> images_with(const crypto::digest& blob) const;

    /// `w` is called on the loop until the subscription goes; it may not call the agent.
    using watcher = std::function<void(const notice&)>;
    class subscription {
      public:
        subscription(subscription&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)), which_(other.which_) {}
        subscription& operator=(subscription&&) = delete;
        ~subscription() {
            if (owner_)
                owner_->watchers_.erase(which_);
        }

      private:
        friend class agent;
        subscription(agent& owner, std::list<watcher>::iterator which)
            : owner_(&owner), which_(which) {}
        agent* owner_;
        std::list<watcher>::iterator which_;
    };
    [[nodiscard]] subscription watch(watcher w);

  private:
    std::list<watcher> watchers_;
};

}  // namespace dm::agent
