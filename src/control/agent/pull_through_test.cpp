#include "control/agent/pull_through.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "aio/task_group.hpp"
#include "base/temp_dir.hpp"
#include "crypto/hash.hpp"
#include "mesh/state/durable_map.hpp"

using namespace dm;
using namespace dm::agent;
using crypto::digest;

namespace {

digest digest_of(std::string_view text) {
    return crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(text));
}

/// A registry of one image, whose layer is `layer`; counts what it is asked.
struct upstream final : image_origin {
    explicit upstream(executor ex) : changed(std::move(ex)) {}

    struct source final : importer::image_source {
        explicit source(upstream& o) : of(o) {}
        awaitable<importer::found_manifest> resolve() override {
            return manifest(oci::descriptor());
        }
        awaitable<importer::found_manifest> manifest(oci::descriptor what) override {
            ++of.manifests;
            if (what.digest != digest_of(of.text))
                of.complain(std::errc::no_such_file_or_directory);
            co_return importer::found_manifest{digest_of(of.text), "a/type", to_bytes(of.text)};
        }
        awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                             importer::byte_sink& sink) override {
            ++of.blobs;
            while (of.stalled)
                co_await of.changed.wait();
            if (of.down)
                of.complain(std::errc::host_unreachable);
            const auto& data = of.corrupt ? of.other : of.layer;
            sink.on_bytes(as_bytes(std::string_view(data).substr(offset)));
            EXPECT_EQ(what.digest, digest_of(of.layer));
        }
        std::string name() const override { return "memory"; }

        upstream& of;
    };

    [[noreturn]] void complain(std::errc why) const { throw failure({make_error_code(why), "no"}); }
    awaitable<digest> resolve(oci::reference image) override {
        ++resolves;
        if (down)
            complain(std::errc::host_unreachable);
        if (image.tag != "1")
            complain(std::errc::no_such_file_or_directory);
        co_return digest_of(text);
    }
    std::unique_ptr<importer::image_source> open(oci::reference) override {
        return std::make_unique<source>(*this);
    }

    std::string layer = std::string(1000, 'l');
    std::string other = std::string(1000, 'x');
    std::string text = fmt::format(
        R"({{"schemaVersion":2,"config":{{"mediaType":"c","size":1000,"digest":"{0}"}},"layers":[]}})",
        digest_of(layer).to_string());
    int resolves = 0;
    int manifests = 0;
    int blobs = 0;
    bool down = false;
    bool stalled = false;
    bool corrupt = false;
    aio::event changed;
};

const oci::repository_name where{"docker.io", "library/x"};

struct world {
    world(executor ex, pull_through_options o)
        : local(ex, workers, dir / "state.db"),
          store(ex, workers, dir / "store"),
          origin(ex),
          mirror(ex, local, store, origin, o) {}

    awaitable<std::optional<registry::resolved_tag>> resolve(std::string tag,
                                                             std::optional<digest> known = {}) {
        return mirror.resolve({where.domain, where.path, std::move(tag), std::nullopt}, known);
    }

    temp_dir dir;
    aio::pool workers{1};
    state::durable_map local;
    store::content_store store;
    upstream origin;
    pull_through mirror;
};

template <class Check>
void with_world(Check check, pull_through_options o = {}) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        world w(ex, o);
        std::exception_ptr failed;
        try {
            co_await check(w);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await w.mirror.stop();
        co_await w.store.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

awaitable<void> note(awaitable<bool> of, int* count) {
    *count += co_await std::move(of) ? 1 : 0;
}

}  // namespace

TEST(pull_through, asks_upstream_for_a_tag_once_within_its_ttl) {
    with_world([](world& w) -> awaitable<void> {
        for (int i = 0; i < 3; ++i) {
            const auto found = co_await w.resolve("1");
            EXPECT_EQ(found->digest, digest_of(w.origin.text));
            EXPECT_FALSE(found->stale);
        }
        EXPECT_EQ(w.origin.resolves, 1);
        EXPECT_FALSE(co_await w.resolve("2"));
    });
    with_world(
        [](world& w) -> awaitable<void> {
            co_await w.resolve("1");
            co_await w.resolve("1");
            EXPECT_EQ(w.origin.resolves, 2);
        },
        {.tag_ttl = std::chrono::seconds(0)});
}

TEST(pull_through, says_what_a_tag_meant_while_upstream_is_down) {
    with_world(
        [](world& w) -> awaitable<void> {
            co_await w.resolve("1");
            w.origin.down = true;
            const auto found = co_await w.resolve("1");
            EXPECT_EQ(found->digest, digest_of(w.origin.text));
            EXPECT_TRUE(found->stale);
            co_await w.resolve("1");
            EXPECT_EQ(w.origin.resolves, 2) << "one that does not answer is left alone for a while";
            const auto fleets = co_await w.resolve("9", digest_of("known"));
            EXPECT_EQ(fleets->digest, digest_of("known"));
            EXPECT_TRUE(fleets->stale);
            bool failed = false;
            try {
                co_await w.resolve("9");
            } catch (const failure&) {
                failed = true;
            }
            EXPECT_TRUE(failed);
        },
        {.tag_ttl = std::chrono::seconds(0)});
}

TEST(pull_through, fetches_each_blob_once_however_many_want_it) {
    with_world([](world& w) -> awaitable<void> {
        const auto manifest = digest_of(w.origin.text);
        const auto layer = digest_of(w.origin.layer);
        EXPECT_TRUE(co_await w.mirror.bring(where, manifest));
        EXPECT_EQ(co_await w.mirror.source_of(manifest), "upstream");
        EXPECT_TRUE(w.mirror.names(where, layer));
        EXPECT_FALSE(w.mirror.names({"docker.io", "library/y"}, layer));
        w.origin.stalled = true;
        aio::task_group group(co_await asio::this_coro::executor);
        int brought = 0;
        for (int i = 0; i < 5; ++i)
            group.spawn("want", note(w.mirror.bring(where, layer), &brought));
        co_await group.wait();
        EXPECT_EQ(brought, 5) << "all see it arrive";
        w.origin.stalled = false;
        w.origin.changed.notify_all();
        auto coming = w.store.arriving(layer);
        co_await (*coming)->ended();
        EXPECT_EQ(w.origin.blobs, 1);
        EXPECT_EQ(co_await w.store.read(layer, 1000), to_bytes(w.origin.layer));
    });
}

TEST(pull_through, keeps_nothing_that_is_not_what_its_digest_says) {
    with_world([](world& w) -> awaitable<void> {
        const auto layer = digest_of(w.origin.layer);
        co_await w.mirror.bring(where, digest_of(w.origin.text));
        w.origin.corrupt = true;
        EXPECT_TRUE(co_await w.mirror.bring(where, layer));
        if (auto coming = w.store.arriving(layer))
            co_await (*coming)->ended();
        EXPECT_FALSE(co_await w.store.find(layer));
        w.origin.corrupt = false;
        EXPECT_TRUE(co_await w.mirror.bring(where, layer));
        if (auto coming = w.store.arriving(layer))
            co_await (*coming)->ended();
        EXPECT_TRUE(co_await w.store.find(layer));
    });
}

TEST(pull_through, says_at_once_that_there_is_no_such_thing) {
    with_world([](world& w) -> awaitable<void> {
        EXPECT_FALSE(co_await w.mirror.bring(where, digest_of("nothing")));
        EXPECT_EQ(co_await w.mirror.source_of(digest_of("nothing")), "");
        EXPECT_EQ(w.origin.manifests, 1);
    });
}

TEST(pull_through, knows_after_a_restart_what_a_blob_is_part_of) {
    with_world([](world& w) -> awaitable<void> {
        co_await w.resolve("1");
        co_await w.mirror.bring(where, digest_of(w.origin.text));
        pull_through again(co_await asio::this_coro::executor, w.local, w.store, w.origin);
        EXPECT_TRUE(co_await again.bring(where, digest_of(w.origin.layer)));
        if (auto coming = w.store.arriving(digest_of(w.origin.layer)))
            co_await (*coming)->ended();
        EXPECT_TRUE(co_await w.store.find(digest_of(w.origin.layer)));
        co_await again.stop();
    });
}
