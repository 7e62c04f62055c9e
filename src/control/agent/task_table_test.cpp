#include "control/agent/task_table.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"

using namespace dm;
using namespace dm::agent;
using namespace std::chrono_literals;

namespace {

constexpr task_table::options quick{.delay_min = 1s, .delay_max = 8s, .seed = 1};

/// Work that ends when it is told to, well or badly.
struct work {
    explicit work(executor ex) : changed(std::move(ex)) {}

    std::function<awaitable<void>()> maker() {
        return [this] { return run(); };
    }
    awaitable<void> run() {
        ++begun;
        while (!finish)
            co_await changed.wait();
        if (fails)
            throw failure({make_error_code(std::errc::io_error), "the disk is gone"});
    }
    void end(bool badly) {
        fails = badly;
        finish = true;
        changed.notify_all();
    }

    aio::event changed;
    int begun = 0;
    bool finish = false;
    bool fails = false;
};

/// A table, and what it told when work ended.
struct bench {
    explicit bench(executor ex)
        : told(ex), table(ex, quick, [this] {
              ++ended;
              told.notify_all();
          }) {}
    awaitable<void> until_ended(int n) {
        while (ended < n)
            co_await told.wait();
    }
    /// Runs work that fails at once.
    awaitable<void> fail_once(std::string key, steady_time now) {
        const auto before = ended;
        const auto broken = []() -> awaitable<void> {
            throw failure({make_error_code(std::errc::io_error), "the disk is gone"});
            co_return;
        };
        EXPECT_EQ(table.run(key, broken, now), task_table::start::started);
        co_await until_ended(before + 1);
    }

    aio::event told;
    int ended = 0;
    task_table table;
};

template <class Body>
void with_table(Body body) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        bench b(ex);
        co_await body(b, ex);
        co_await b.table.stop();
    });
}

}  // namespace

TEST(task_table, runs_each_work_once_at_a_time) {
    with_table([](bench& b, executor ex) -> awaitable<void> {
        work w(ex);
        const auto now = std::chrono::steady_clock::now();
        EXPECT_EQ(b.table.run("a", w.maker(), now), task_table::start::started);
        EXPECT_EQ(b.table.run("a", w.maker(), now), task_table::start::running);
        EXPECT_TRUE(b.table.is_running("a"));
        EXPECT_FALSE(b.table.is_running("b"));
        w.end(false);
        co_await b.until_ended(1);
        EXPECT_EQ(w.begun, 1);
        EXPECT_FALSE(b.table.is_running("a"));
        EXPECT_EQ(b.table.failure_of("a"), nullptr);
    });
}

TEST(task_table, holds_failed_work_back_with_growing_pauses) {
    with_table([](bench& b, executor ex) -> awaitable<void> {
        work w(ex);
        auto now = std::chrono::steady_clock::now();
        auto shortest = 1000ms;
        for (unsigned attempt = 1; attempt <= 6; ++attempt) {
            const auto before = std::chrono::steady_clock::now();
            co_await b.fail_once("a", now);
            const auto* failed = b.table.failure_of("a");
            EXPECT_NE(failed, nullptr);
            EXPECT_EQ(failed->attempts, attempt);
            EXPECT_EQ(failed->why.code, std::errc::io_error);
            EXPECT_GE(failed->next_try, before + shortest);
            EXPECT_LE(failed->next_try, std::chrono::steady_clock::now() + shortest * 5 / 4);
            EXPECT_EQ(b.table.next_due(), failed->next_try);
            EXPECT_EQ(b.table.run("a", w.maker(), failed->next_try - 1ms),
                      task_table::start::held_back);
            now = failed->next_try;
            shortest = std::min(shortest * 2, 8000ms);
        }
        EXPECT_EQ(b.table.run("a", w.maker(), now), task_table::start::started);
        w.end(false);
        co_await b.until_ended(7);
        EXPECT_EQ(b.table.failure_of("a"), nullptr) << "success forgets failures";
        EXPECT_FALSE(b.table.next_due());
    });
}

TEST(task_table, tries_again_at_once_what_is_forgiven) {
    with_table([](bench& b, executor ex) -> awaitable<void> {
        work w(ex);
        const auto now = std::chrono::steady_clock::now();
        co_await b.fail_once("import 1", now);
        co_await b.fail_once("load 1", now);
        b.table.forgive("import");
        EXPECT_EQ(b.table.run("load 1", w.maker(), now), task_table::start::held_back);
        EXPECT_EQ(b.table.run("import 1", w.maker(), now), task_table::start::started);
        w.end(true);
        co_await b.until_ended(3);
        EXPECT_EQ(b.table.failure_of("import 1")->attempts, 2u) << "forgiving does not forget";
    });
}

TEST(task_table, cancels_and_forgets_what_is_not_wanted_any_more) {
    with_table([](bench& b, executor ex) -> awaitable<void> {
        work kept(ex);
        work dropped(ex);
        const auto now = std::chrono::steady_clock::now();
        co_await b.fail_once("failed", now);
        b.table.run("kept", kept.maker(), now);
        b.table.run("dropped", dropped.maker(), now);
        while (dropped.begun == 0)
            co_await asio::post(ex, use_awaitable);
        b.table.keep_only({"kept"});
        co_await b.until_ended(2);
        EXPECT_TRUE(b.table.is_running("kept"));
        EXPECT_FALSE(b.table.is_running("dropped"));
        EXPECT_EQ(b.table.failure_of("dropped"), nullptr) << "being cancelled is no failure";
        EXPECT_EQ(b.table.failure_of("failed"), nullptr);
        EXPECT_FALSE(b.table.next_due());
        kept.end(false);
        co_await b.until_ended(3);
    });
}
