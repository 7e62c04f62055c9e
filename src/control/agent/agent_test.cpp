#include "control/agent/agent.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "control/agent/loader.hpp"
#include "control/agent/memory_origin_for_test.hpp"
#include "crypto/key.hpp"
#include "mesh/state/durable_map.hpp"
#include "runtime/engine/memory_engine.hpp"

namespace dm::agent {
namespace {

using namespace std::chrono_literals;

/// An engine that cannot say what it has, as often as it is told to fail.
class doubtful_engine final : public engine::image_engine {
  public:
    explicit doubtful_engine(executor ex) : real(std::move(ex)) {}

    awaitable<engine::engine_info> info() override { return real.info(); }
    awaitable<std::vector<engine::image>> list(std::vector<std::string> names_or_ids) override {
        if (failures > 0) {
            --failures;
            raise(engine::errc::refused, "layer does not exist");
        }
        co_return co_await real.list(std::move(names_or_ids));
    }
    awaitable<std::string> pull(std::string source, std::optional<engine::platform> wanted,
                                engine::progress_listener listener) override {
        return real.pull(std::move(source), std::move(wanted), std::move(listener));
    }
    awaitable<void> tag(std::string image_id, std::string name) override {
        return real.tag(std::move(image_id), std::move(name));
    }
    awaitable<engine::removal> remove(std::string name, std::string image_id) override {
        return real.remove(std::move(name), std::move(image_id));
    }
    awaitable<void> changes(engine::event_listener listener) override {
        return real.changes(std::move(listener));
    }

    engine::memory_engine real;
    int failures = 0;
};

multiformats::peer_id self() {
    return multiformats::peer_id(
        crypto::private_key::from_seed(std::array<std::byte, crypto::ed25519_seed_size>{})
            .public_key());
}

options quick() {
    options out{.self = self(),
                .platform = {"linux", "amd64"},
                .labels = {},
                .addresses = {},
                .version = "1.2.3"};
    out.retry_delay_min = 5ms;
    out.retry_delay_max = 20ms;
    return out;
}

/// One node on a temporary folder, with a registry and an engine in memory.
struct world {
    explicit world(executor ex)
        : engine(ex),
          shared(ex, workers, folder / "state.db", "state"),
          local(ex, workers, folder / "state.db", "local"),
          content(ex, workers, folder / "store"),
          node(ex, shared, local, content, origin, engine, quick()) {
        node.start();
    }

    awaitable<void> stop() {
        co_await node.stop();
        co_await content.stop();
    }

    /// Offers an image upstream; its pull from our registry gives the engine what it should have.
    awaitable<void> apply(const std::string& name) {
        origin.offer(name, "layer of " + name);
        plan::strategy_request request;
        request.type = plan::strategy_type::percentage;
        request.image = value_or_throw(oci::parse_reference(name));
        request.percentage = 100;
        co_await node.apply(std::move(request));
    }

    /// The image of the only strategy as the engine will find it in our registry.
    awaitable<void> offer_to_engine(std::string name) {
        const auto ref = value_or_throw(oci::parse_reference(name));
        co_await until([&] {
            const auto* const named = node.records().name(ref);
            return named != nullptr && node.records().image(named->digest) != nullptr;
        });
        const auto& record = *node.records().image(node.records().name(ref)->digest);
        engine::image what;
        what.id = record.platforms.front().blobs.front().to_string();
        engine.real.offer(load_source(quick().registry_address, record), what);
    }

    /// Until `condition` holds: asked again whenever the node or its state has something to tell.
    awaitable<void> until(std::function<bool()> condition) {
        aio::event changed(co_await asio::this_coro::executor);
        const auto watching = node.watch([&](const notice&) { changed.notify_all(); });
        const auto stored = shared.watch([&](const state::change&) { changed.notify_all(); });
        while (!condition())
            co_await changed.wait();
    }

    /// Until the engine has that name, or has it no more.
    awaitable<void> until_loaded(std::string name, bool is_there = true) {
        aio::event changed(co_await asio::this_coro::executor);
        co_await aio::beside(
            look_for(std::move(name), is_there, &changed),
            engine.real.changes([&](const engine::event&) { changed.notify_all(); }));
    }
    awaitable<void> look_for(std::string name, bool is_there, aio::event* changed) {
        while ((co_await engine.real.inspect(name)).has_value() != is_there)
            co_await changed->wait();
    }

    temp_dir folder;
    aio::pool workers{2};
    testing::memory_origin origin;
    doubtful_engine engine;
    state::durable_map shared;
    state::durable_map local;
    store::content_store content;
    agent node;
};

template <class Body>
void in_world(Body body) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        world w(ex);
        std::exception_ptr failed;
        try {
            co_await body(w);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await w.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

TEST(agent, puts_an_image_into_the_engine_and_takes_it_away_again) {
    in_world([](world& w) -> awaitable<void> {
        co_await w.apply("app:1");
        co_await w.offer_to_engine("app:1");
        co_await w.until_loaded("app:1");
        co_await w.node.remove_strategy("app:1");
        co_await w.until_loaded("app:1", false);
    });
}

TEST(agent, outlives_an_engine_that_cannot_say_what_it_has) {
    in_world([](world& w) -> awaitable<void> {
        co_await w.apply("app:1");
        co_await w.offer_to_engine("app:1");
        co_await w.until_loaded("app:1");
        w.engine.failures = 3;
        w.engine.real.remove_by_hand("app:1");
        co_await w.until_loaded("app:1");
        EXPECT_EQ(w.engine.failures, 0);
    });
}

TEST(agent, a_finished_import_is_no_failed_transfer) {
    in_world([](world& w) -> awaitable<void> {
        w.engine.real.set_down(true);  // no loads: only so many ended transfers are remembered
        for (int i = 0; i < 20; ++i)
            co_await w.apply("app:" + std::to_string(i));
        const auto imported = [&] {
            return std::ranges::count_if(w.node.moving().all(), [](const transfer_view& t) {
                return t.kind == transfer_kind::import && t.state == transfer_state::done;
            });
        };
        co_await w.until([&] {
            for (const auto& t : w.node.moving().all())
                if (t.kind == transfer_kind::import)
                    EXPECT_NE(t.state, transfer_state::failed) << t.image;
            return imported() == 20;
        });
    });
}

}  // namespace
}  // namespace dm::agent
