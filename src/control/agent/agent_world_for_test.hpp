#pragma once

#include <functional>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "control/agent/agent.hpp"
#include "control/agent/loader.hpp"
#include "control/agent/memory_origin_for_test.hpp"
#include "crypto/key.hpp"
#include "mesh/state/durable_map.hpp"
#include "runtime/engine/memory_engine.hpp"

namespace dm::agent::testing {

/// The node of a test: its agent, with registries and engine in memory and its state in a folder of
/// its own.
class world {
  public:
    explicit world(executor ex)
        : engine(ex),
          shared(ex, workers, folder / "state.db", "state"),
          local(ex, workers, folder / "state.db", "local"),
          content(ex, workers, folder / "store"),
          told_changed(ex),
          executor_(ex),
          node_(std::make_unique<agent>(ex, shared, local, content, origin, engine,
                                        options_of_agent())) {
        node().start();
    }

    agent& node() { return *node_; }

    /// Ends the agent and begins a new one on what the old one left.
    awaitable<void> restart() {
        co_await node().stop();
        node_.reset();
        node_ = std::make_unique<agent>(executor_, shared, local, content, origin, engine,
                                        options_of_agent());
        node().start();
    }

    awaitable<void> stop() {
        co_await node().stop();
        co_await content.stop();
    }

    /// Until `condition` holds: asked again whenever the node has something to tell.
    awaitable<void> until(std::function<bool()> condition) {
        aio::event changed(executor_);
        const auto watching = node().watch([&](const notice&) { changed.notify_all(); });
        while (!condition())
            co_await changed.wait();
    }

    awaitable<void> until_state(std::string nametag, image_state wanted) {
        co_await until([&] { return status_of(nametag).state == wanted; });
    }

    /// Until no name in the engine is this node's.
    awaitable<void> until_nothing_is_placed() {
        aio::event changed(executor_);
        const auto watching = local.watch([&](const state::change&) { changed.notify_all(); });
        const ownership owned(local);
        while (!owned.all().empty())
            co_await changed.wait();
    }

    /// Until this node says of itself what `condition` wants.
    awaitable<void> until_told(std::function<bool(const report::node_report&)> condition) {
        while (!condition(told))
            co_await told_changed.wait();
    }

    /// Another member.
    static multiformats::peer_id other(std::uint8_t number) {
        std::array<std::byte, crypto::ed25519_seed_size> seed{};
        seed[0] = std::byte{number};
        return multiformats::peer_id(crypto::private_key::from_seed(seed).public_key());
    }

    awaitable<void> join(multiformats::peer_id peer, plan::labels labels = {},
                         oci::platform its_platform = platform()) {
        const plan::node_record record{.id = peer,
                                       .addresses = {"/ip4/127.0.0.1/tcp/1"},
                                       .platform = std::move(its_platform),
                                       .labels = std::move(labels),
                                       .version = "1.2.3"};
        co_await shared.set(plan::to_string({plan::record_kind::node, peer.to_string()}),
                            plan::encode(record));
    }

    /// The member is seen so, and says this.
    void hear(const multiformats::peer_id& peer, presence::liveness state,
              const report::node_report& says) {
        others[peer] = {.state = state,
                        .since = std::chrono::steady_clock::now(),
                        .status = report::encode(says, 1 << 16),
                        .was_offline = state == presence::liveness::offline};
        node().fleet_changed(peer);
    }

    image_status status_of(const std::string& nametag) {
        return node().strategy(nametag).nodes.at(0).status;
    }

    /// Imports by hand, and has the engine find the image in this node's registry.
    awaitable<crypto::digest> import(std::string name) {
        const auto ref = value_or_throw(oci::parse_reference(name));
        const auto transfer = co_await node().import_image(ref, {false, {platform()}});
        co_await until(
            [&] { return node().moving().find(transfer)->state != transfer_state::running; });
        const auto& record = node().image(name).record;
        engine.offer(load_source(registry_address, record), engine_image(record));
        co_return record.digest;
    }

    static engine::image engine_image(const oci::image_record& record) {
        return {.id = plan::engine_ids(record, platform()).front(),
                .repo_tags = {},
                .repo_digests = {},
                .runs_on = {"linux", "amd64"},
                .size_bytes = 1000,
                .labels = {}};
    }

    static plan::strategy_request request(const std::string& nametag) {
        plan::strategy_request out;
        out.image = value_or_throw(oci::parse_reference(nametag));
        out.percentage = 100;
        return out;
    }

    static multiformats::peer_id self() {
        return multiformats::peer_id(
            crypto::private_key::from_seed(std::array<std::byte, crypto::ed25519_seed_size>{})
                .public_key());
    }

    static oci::platform platform() { return {"linux", "amd64"}; }

    static constexpr const char* registry_address = "127.0.0.1:5005";

    temp_dir folder;
    aio::pool workers;
    memory_origin origin;
    engine::memory_engine engine;
    state::durable_map shared;
    state::durable_map local;
    store::content_store content;
    std::map<multiformats::peer_id, presence::sighting> others;  ///< as presence knows them
    report::node_report told;                                    ///< the last that this node said
    aio::event told_changed;
    std::set<multiformats::peer_id> met;      ///< whom it asked to be connected to
    std::set<multiformats::peer_id> shunned;  ///< whom it wants to hear nothing of

  private:
    options options_of_agent() {
        return {.self = self(),
                .platform = platform(),
                .labels = {},
                .addresses = {},
                .version = "1.2.3",
                .registry_address = registry_address,
                .retry_delay_min = std::chrono::milliseconds(10),
                .retry_delay_max = std::chrono::milliseconds(40),
                .fleet_delay = std::chrono::milliseconds(1),
                .see =
                    [this](const multiformats::peer_id& peer) {
                        const auto at = others.find(peer);
                        return at == others.end() ? presence::sighting{} : at->second;
                    },
                .tell =
                    [this](const std::string& report) {
                        told = *report::decode(report);
                        told_changed.notify_all();
                    },
                .meet = [this](const multiformats::peer_id& peer,
                               const std::vector<std::string>&) { met.insert(peer); },
                .shun =
                    [this](const multiformats::peer_id& peer, bool is_forgotten) {
                        if (is_forgotten)
                            shunned.insert(peer);
                        else
                            shunned.erase(peer);
                    }};
    }

    executor executor_;
    std::unique_ptr<agent> node_;
};

/// Runs a test on a node; `body` is a coroutine function of (world&).
template <class World = world, class Body>
void in_world(Body body) {
    aio::run_in_world<World>(std::move(body));
}

}  // namespace dm::agent::testing
