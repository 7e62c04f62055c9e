#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "base/clock.hpp"
#include "base/subscribers.hpp"
#include "content/store/content_store.hpp"
#include "control/agent/image_origin.hpp"
#include "mesh/state/table.hpp"
#include "oci/name_form.hpp"
#include "oci/registry/name_resolver.hpp"

namespace dm::agent {

/// Tags of other registries that are remembered; the one that was asked for least lately goes.
constexpr std::size_t mirrored_tags_max = 10'000;
/// Blobs whose size is known from a manifest that passed.
constexpr std::size_t mirrored_blobs_max = 50'000;
/// Fetches whose source is remembered after their end.
constexpr std::size_t mirrored_sources_max = 1'000;

struct pull_through_options {
    std::chrono::seconds tag_ttl{300};  ///< upstream is asked again what a tag means
    std::chrono::milliseconds resolve_timeout{5'000};
    std::chrono::seconds upstream_rest{15};  ///< one that did not answer is left alone
    std::size_t fetches_max = 64;            ///< at once
};

/// Images of other registries that somebody pulls through this node's registry: tags are resolved
/// when they are older than the ttl, manifests and blobs are fetched when they are asked for, from
/// peers first, each once at a time. What comes is evicted like all that nothing pins. Lives on the
/// loop.
class pull_through {
  public:
    /// All outlive it.
    pull_through(executor ex, state::table& local, store::content_store& store,
                 image_origin& origin, pull_through_options o = {});
    awaitable<void> stop();

    /// What the name means; `stale` when upstream did not answer and this is what it meant before,
    /// or what the fleet knows it for. nullopt when upstream has no such tag. Throws when nobody
    /// can tell.
    awaitable<std::optional<registry::resolved_tag>> resolve(oci::reference name,
                                                             std::optional<crypto::digest> known);
    /// Until the store has it or receives it; false when it cannot be had.
    awaitable<bool> bring(oci::repository_name where, crypto::digest what);
    /// Whether a manifest of that repository which passed names it.
    bool names(const oci::repository_name& where, const crypto::digest& what) const;
    /// Where it comes or came from lately: "peer", "upstream"; empty when it was no fetch of ours.
    /// While a fetch has not begun to arrive, waits.
    awaitable<std::string> source_of(crypto::digest what);

  private:
    class watched_source;
    struct remembered {
        crypto::digest digest;
        wall_time checked{};
    };
    struct described {
        oci::descriptor as;
        std::set<std::string> repositories;
    };
    struct fetch {
        std::string source;  ///< empty: no byte yet
        bool ended = false;
        bool failed = false;
    };

    std::optional<remembered> recall(const std::string& name) const;
    awaitable<void> remember(std::string name, crypto::digest digest);
    awaitable<std::optional<crypto::digest>> ask_upstream(oci::reference name);
    awaitable<void> run(oci::repository_name where, crypto::digest what);
    awaitable<void> fetch_one(oci::repository_name where, crypto::digest what);
    awaitable<std::optional<oci::descriptor>> describe(oci::repository_name where,
                                                       crypto::digest what);
    awaitable<void> learn_from(oci::repository_name where, crypto::digest manifest);
    void learn(const oci::repository_name& where, byte_view manifest);
    void began(const crypto::digest& what, const char* source);

    state::table& local_;
    store::content_store& store_;
    image_origin& origin_;
    pull_through_options options_;
    aio::limiter places_;
    aio::event changed_;
    std::set<std::string> resolving_;
    std::map<std::string, steady_time> resting_;  ///< upstreams that did not answer, until when
    std::map<crypto::digest, fetch> fetches_;
    std::deque<crypto::digest> ended_;
    std::map<crypto::digest, described> known_;
    std::deque<crypto::digest> known_order_;
    subscribers<crypto::digest>::subscription watching_;
    aio::task_group group_;
};

}  // namespace dm::agent
