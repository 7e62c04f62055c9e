#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "base/rng.hpp"
#include "base/subscribers.hpp"
#include "content/bitswap/driver.hpp"
#include "content/store/content_store.hpp"
#include "control/agent/catalogue.hpp"
#include "control/agent/fleet.hpp"
#include "control/agent/image_origin.hpp"
#include "control/agent/ownership.hpp"
#include "control/agent/pull_through.hpp"
#include "control/agent/task_table.hpp"
#include "control/agent/transfers.hpp"
#include "control/agent/views.hpp"
#include "control/plan/key.hpp"
#include "control/plan/plan.hpp"
#include "multiformats/peer_id.hpp"
#include "oci/importer/importer.hpp"
#include "oci/platform.hpp"
#include "oci/registry/name_resolver.hpp"
#include "oci/registry/publisher.hpp"
#include "runtime/engine/image_engine.hpp"

namespace dm::agent {

struct options {
    multiformats::peer_id self;
    oci::platform platform;  ///< of this machine
    plan::labels labels;
    std::vector<std::string> addresses;  ///< multiaddresses
    std::string version;
    std::string registry_address = "127.0.0.1:5005";  ///< where the engine finds our registry
    bitswap::exchange* peers = nullptr;  ///< where content by CID comes from that is not here

    std::chrono::seconds tag_ttl{300};  ///< for pulls through the registry
    std::chrono::milliseconds retry_delay_min{1'000};
    std::chrono::milliseconds retry_delay_max{120'000};
    std::chrono::milliseconds review_interval{
        60'000};  ///< a look at everything even if nothing happened
    plan::placement_options placement{};
    /// A pause after something was heard of another node, for more of it to come.
    std::chrono::milliseconds fleet_delay{200};
    /// Between two reports in which nothing but progress is new, where there are few members.
    std::chrono::milliseconds progress_interval{1'000};
    /// Asked about other members; without it all are online.
    fleet::look see{};
    /// Given what this node has to say of itself, a node_report, whenever that is new.
    std::function<void(std::string)> tell{};
    /// Asked to connect to a member that has what this node is about to fetch.
    std::function<void(const multiformats::peer_id&, std::vector<std::string> addresses)> meet{};
    /// Told of each node that is forgotten, and of one that is after all wanted.
    std::function<void(const multiformats::peer_id&, bool is_forgotten)> shun{};
    /// Waited for before anything is done: when the shared state is known.
    std::function<awaitable<void>()> ready{};
};

/// Something that a watcher of the node wants to know: {"type":"strategy","key":…}.
struct notice {
    std::string type;  ///< "strategy", "image", "transfer", "node", "crdt"
    std::string json;  ///< one object
};

/// Carries out on this node what the fleet's strategies want: level-triggered, from the shared
/// state, the store and the engine as they are. Also what the API and the registry ask of the node.
/// Lives on the loop.
class agent final : public registry::name_resolver, public registry::publisher {
  public:
    agent(executor ex, state::table& shared, state::table& local, store::content_store& store,
          image_origin& origin, engine::image_engine& engine, options o);
    agent(const agent&) = delete;
    agent& operator=(const agent&) = delete;
    ~agent() override;

    void start();
    awaitable<void> stop();
    /// A node has come or gone, or says something else of itself.
    void fleet_changed(const multiformats::peer_id& peer);

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
    /// With `tree`, the image is that IPFS tree, which comes from peers and gets the name `ref`.
    awaitable<std::string> import_image(oci::reference ref, oci::platform_choice platforms,
                                        std::optional<multiformats::cid> tree = {});
    /// Lets go of an image that was imported by hand: its names are forgotten, its blobs may be
    /// evicted. Throws not_found, or conflict when a strategy wants it.
    awaitable<void> remove_image(std::string which);

    // Pins by CID.

    /// Fetches from peers what of the tree is not here. Throws not_found when nobody has it.
    awaitable<void> pin(multiformats::cid root);
    awaitable<bool> unpin(multiformats::cid root);
    awaitable<std::vector<multiformats::cid>> pins();
    /// Roots of images that are here for this platform, and of pins.
    awaitable<std::vector<multiformats::cid>> held_roots();

    // The node and its surroundings.

    std::vector<node_view> nodes() const;
    /// Gives a member these labels, and takes from it those without a value. Throws not_found, and
    /// errc::too_many_labels.
    awaitable<void> label_node(multiformats::peer_id peer,
                               std::map<std::string, std::optional<std::string>> changes);
    /// Removes a member that will not come back, and keeps it out. Throws not_found;
    /// errc::node_is_online unless `even_online`.
    awaitable<void> forget_node(multiformats::peer_id peer, bool even_online);
    /// Takes that back. Throws not_found for one that was not forgotten.
    awaitable<void> admit_node(multiformats::peer_id peer);
    const transfers& moving() const noexcept { return transfers_; }
    const catalogue& records() const noexcept { return catalogue_; }
    /// Names of the images that a blob is part of.
    std::vector<std::string> images_with(const crypto::digest& blob) const;

    /// `w` is called on the loop until the subscription goes; it may not call the agent.
    using watcher = subscribers<notice>::listener;
    using subscription = subscribers<notice>::subscription;
    [[nodiscard]] subscription watch(watcher w);

    // What names mean, for the registry.
    awaitable<bool> knows(oci::name_form name) override;
    awaitable<std::optional<registry::resolved_tag>> resolve(oci::name_form name, std::string tag,
                                                             registry::reach how) override;
    awaitable<std::vector<std::string>> tags(oci::name_form name) override;
    awaitable<bool> includes(oci::name_form name, crypto::digest what) override;
    awaitable<bool> expect(oci::name_form name, crypto::digest what, registry::reach how) override;
    awaitable<std::string> source_of(crypto::digest what) override;

    // What was pushed to the registry becomes an image of the fleet (pushed.cpp).
    awaitable<registry::publication> publish(oci::reference name, crypto::digest image) override;
    awaitable<void> retract(oci::reference name) override;
    awaitable<void> withdraw(crypto::digest image) override;

  private:
    struct snapshot;
    struct import_order;

    // The loop: look, plan, act (agent.cpp, observe.cpp).
    awaitable<void> run();
    awaitable<bool> announce();
    awaitable<bool> pass();  ///< false when not everything could be seen: look again soon
    awaitable<snapshot> observe();
    awaitable<void> observe_images(snapshot& s);
    awaitable<void> observe_engine(snapshot& s);
    awaitable<void> act(const plan::action& a, std::set<std::string>& wanted);
    awaitable<void> name_imports(const std::vector<plan::strategy>& strategies);
    awaitable<void> watch_engine();
    awaitable<void> listen_to_engine();
    awaitable<void> doubt_engine();
    bool is_loading(const std::string& name);
    void wake();
    steady_time next_look() const;
    plan::inputs inputs_of(const snapshot& s) const;

    // What this node tells the others, and what it hears of them (presence.cpp).
    awaitable<void> tell_fleet();
    report::node_report own_report() const;
    std::chrono::milliseconds progress_interval() const;
    void record_of_node_changed(const plan::record_key& key, bool is_there);
    void note_forgotten(const multiformats::peer_id& peer);
    void meet_holders(const crypto::digest& image) const;
    image_status status_of_other(const plan::strategy& s, const plan::placed_member& m) const;
    node_view view_of(const plan::node_record& node) const;
    void notify_strategy(const std::string& id);

    // Work (work.cpp).
    awaitable<void> run_import(import_order order, transfers::entry entry);
    awaitable<void> import_for_strategy(crypto::digest image, std::string strategy,
                                        std::vector<oci::platform> platforms);
    awaitable<void> import_by_hand(import_order order, std::string job, transfers::entry entry);
    awaitable<void> load(std::string name, crypto::digest image, bool replace);
    awaitable<void> take_away(plan::placed_name what, bool nameless);
    awaitable<void> drop_alias(std::string image_id);
    awaitable<void> pin_for_strategies(crypto::digest image);
    awaitable<std::vector<store::dag_node>> tree_nodes(multiformats::cid root);
    /// Brings the store's index.json up to date with the records, if it is not.
    awaitable<void> write_layout_index();
    awaitable<void> pin_from_peers(multiformats::cid root, std::string name);
    awaitable<void> fetch_and_pin(multiformats::cid root, std::string name);
    /// Returns the transfer's id. `platforms` as they were asked for.
    std::string start_import_by_hand(const oci::reference& ref, const crypto::digest& digest,
                                     oci::platform_choice choice,
                                     std::optional<multiformats::cid> tree, std::string job);
    awaitable<oci::image_record> import_pushed(crypto::digest image);
    awaitable<void> remember_kept(import_order order);
    awaitable<void> resume_imports();
    /// What was asked for, and all platforms of the image that this node has whole.
    awaitable<oci::platform_choice> with_platforms_here(crypto::digest image,
                                                        oci::platform_choice asked);

    /// Whether an import that goes on will bring it, after it has.
    awaitable<bool> import_brings(crypto::digest blob);

    // Requests (strategies.cpp, images.cpp).
    /// `before`: what a strategy in force took the name for; goes before what the fleet knows.
    awaitable<crypto::digest> digest_of(const oci::reference& image, bool anew,
                                        std::optional<crypto::digest> before = std::nullopt);
    const plan::strategy& strategy_named(std::string_view key) const;
    const oci::image_record& image_named(std::string_view which) const;
    strategy_view view_of(const plan::strategy& s) const;
    strategy_view view_of(const plan::strategy& s, const std::vector<plan::member>& all) const;
    std::set<multiformats::peer_id> chosen_by(const plan::strategy_request& s,
                                              const std::optional<crypto::digest>& image,
                                              const std::vector<plan::member>& all) const;
    bool is_member(const multiformats::peer_id& peer) const;
    plan::labels labels_of(const plan::node_record& node) const;
    image_view view_of(const oci::image_record& r) const;
    image_status status_of(const plan::strategy& s) const;
    bool overlay_transfer(image_status& status, const crypto::digest& image,
                          const std::string& name) const;
    void overlay_work(image_status& status, const crypto::digest& image,
                      const std::string& name) const;
    plan::node_record own_record() const;
    std::vector<plan::node_record> known_nodes() const;
    std::vector<plan::member> members() const;
    std::vector<oci::platform> platforms_of(const std::optional<crypto::digest>& image) const;
    void notify(std::string type, std::string json);

    executor executor_;
    state::table& local_;
    store::content_store& store_;
    image_origin& origin_;
    engine::image_engine& engine_;
    options options_;
    catalogue catalogue_;
    ownership owned_;
    fleet fleet_;
    importer::importer importer_;
    pull_through mirror_;
    transfers transfers_;
    task_table tasks_;
    aio::task_group group_;                               ///< the loop and the engine watcher
    aio::task_group by_hand_;                             ///< imports that an operator asked for
    std::map<std::string, std::string> imports_by_hand_;  ///< platforms and digest → transfer
    aio::event progressed_;
    aio::limiter record_writer_;  ///< who completes an import compares its record with the last
    aio::limiter layout_writer_;
    aio::limiter strategy_writer_;  ///< who reads a strategy to write it is alone
    bool layout_stale_ = true;      ///< the store's index.json may not name what the records do
    asio::steady_timer wake_;
    bool dirty_ = true;
    bool stopping_ = false;
    bool announced_ = false;             ///< the fleet has our record
    steady_time review_{};               ///< when to look at everything again
    std::optional<steady_time> soon_{};  ///< when to look because of other nodes
    std::set<multiformats::peer_id> forgotten_;
    bool report_stale_ = true;
    aio::event report_changed_;
    std::uint64_t disk_free_bytes_ = 0;  ///< in the last pass

    bool engine_present_ = true;
    bool engine_available_ = false;
    std::string engine_trouble_ = "not reached yet";
    bool engine_in_doubt_ = false;  ///< a question to it was not answered
    aio::event engine_doubted_;
    std::map<std::string, steady_time> load_ended_;  ///< by name, when it did not succeed
    std::optional<engine::engine_info> engine_info_;
    std::map<std::string, std::vector<std::string>> users_;  ///< image id → containers, as told
    std::map<std::string, plan::strategy_status> statuses_;  ///< by strategy id
    std::vector<plan::kept_name> kept_;
    std::set<crypto::digest> complete_;  ///< images whose needed blobs are all in the store
    std::map<std::string, plan::name_record> arriving_;  ///< names of running imports, by transfer
    std::map<crypto::digest, steady_time> import_seen_;
    wall_time started_{};
    steady_time started_steady_{};
    subscribers<notice> watchers_;
};

}  // namespace dm::agent
