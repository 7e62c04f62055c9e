#include "control/agent/loader.hpp"

#include <gtest/gtest.h>

#include "aio/pool.hpp"
#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "control/agent/errc.hpp"
#include "mesh/state/durable_map.hpp"
#include "runtime/engine/memory_engine.hpp"

namespace dm::agent {
namespace {

const std::string source = "127.0.0.1:5005/ciqabc@sha256:" + std::string(64, 'a');
const std::string ours = "sha256:" + std::string(64, '1');
const std::string theirs = "sha256:" + std::string(64, '2');

engine::image image_of(const std::string& id) {
    engine::image out;
    out.id = id;
    out.size_bytes = 10;
    return out;
}

struct loading {
    explicit loading(executor ex) : local(ex, workers, dir / "state.db"), owned(local), engine(ex) {
        engine.offer(source, image_of(ours));
        engine.offer("elsewhere/theirs:2", image_of(theirs));
    }
    awaitable<void> load(bool replace = false) {
        co_await load_image(engine, owned, {"busybox:1", source, {ours}, replace}, {});
    }
    awaitable<std::string> id_of(std::string name) {
        const auto there = co_await engine.inspect(std::move(name));
        co_return there ? there->id : "";
    }

    temp_dir dir;
    aio::pool workers{1};
    state::durable_map local;
    ownership owned;
    engine::memory_engine engine;
};

TEST(loader, pulls_tags_and_drops_the_name_it_was_pulled_by) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        co_await w.load();
        EXPECT_EQ(co_await w.id_of("busybox:1"), ours);
        EXPECT_EQ(co_await w.id_of(source), "");
        EXPECT_TRUE(w.owned.has({"busybox:1", ours}));
    });
}

TEST(loader, an_image_that_is_there_under_another_name_is_not_pulled_again) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        co_await w.load();
        w.engine.tag_by_hand("busybox:1", "mine:1");
        w.engine.remove_by_hand("busybox:1");
        co_await w.load();
        EXPECT_EQ(w.engine.pulled.size(), 1u);
        EXPECT_EQ(co_await w.id_of("busybox:1"), ours);
    });
}

TEST(loader, a_name_that_somebody_gave_away_during_the_pull_stays_theirs) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        w.engine.during_pull = [&](std::string what) -> awaitable<void> {
            if (what != source)
                co_return;
            co_await w.engine.pull("elsewhere/theirs:2", std::nullopt, {});
            w.engine.tag_by_hand("elsewhere/theirs:2", "busybox:1");
        };
        std::error_code why;
        try {
            co_await w.load();
        } catch (const failure& e) {
            why = e.code();
        }
        EXPECT_EQ(why, errc::name_taken);
        EXPECT_EQ(co_await w.id_of("busybox:1"), theirs);
        EXPECT_EQ(co_await w.id_of(ours), "");  // nothing half-done is left
        EXPECT_TRUE(w.owned.all().empty());
    });
}

TEST(loader, a_strategy_that_says_replace_takes_the_name) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        co_await w.engine.pull("elsewhere/theirs:2", std::nullopt, {});
        w.engine.tag_by_hand("elsewhere/theirs:2", "busybox:1");
        co_await w.load(true);
        EXPECT_EQ(co_await w.id_of("busybox:1"), ours);
        EXPECT_TRUE(w.owned.has({"busybox:1", ours}));
    });
}

TEST(loader, a_pull_is_written_down_before_it_begins) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        bool seen = false;
        w.engine.during_pull = [&](std::string) -> awaitable<void> {
            seen = w.owned.has({"busybox:1", ours});
            co_return;
        };
        co_await w.load();
        EXPECT_TRUE(seen);
    });
}

TEST(loader, an_image_that_was_there_without_a_name_stays_its_owners) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        w.engine.load_by_hand(image_of(ours));
        co_await w.load();
        EXPECT_TRUE(w.engine.pulled.empty());
        EXPECT_EQ(co_await w.id_of("busybox:1"), ours);
        EXPECT_TRUE(w.owned.all().empty()) << "to take the name away would remove the image";
    });
}

TEST(loader, an_image_that_an_earlier_pull_left_without_a_name_is_ours) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        co_await w.owned.add({"busybox:1", ours});
        w.engine.load_by_hand(image_of(ours));
        co_await w.load();
        EXPECT_TRUE(w.engine.pulled.empty());
        EXPECT_TRUE(w.owned.has({"busybox:1", ours}));
    });
}

TEST(loader, another_image_than_was_asked_for_gets_no_name) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        w.engine.offer(source, image_of(theirs));
        std::error_code why;
        try {
            co_await w.load();
        } catch (const failure& e) {
            why = e.code();
        }
        EXPECT_EQ(why, errc::wrong_image);
        EXPECT_EQ(co_await w.id_of("busybox:1"), "");
        EXPECT_TRUE(w.owned.all().empty());
    });
}

TEST(loader, a_pull_that_fails_leaves_nothing_behind) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        loading w(ex);
        w.engine.during_pull = [](std::string) -> awaitable<void> {
            raise(engine::errc::stalled, "no sign of life");
            co_return;
        };
        std::error_code why;
        try {
            co_await w.load();
        } catch (const failure& e) {
            why = e.code();
        }
        EXPECT_EQ(why, engine::errc::stalled);
        EXPECT_EQ(co_await w.id_of("busybox:1"), "");
        EXPECT_TRUE(w.owned.all().empty());
    });
}

}  // namespace
}  // namespace dm::agent
