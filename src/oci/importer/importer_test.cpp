#include "oci/importer/importer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "aio/task_group.hpp"
#include "base/temp_dir.hpp"
#include "oci/errc.hpp"
#include "oci/importer/errc.hpp"

using namespace dm;
using importer::found_manifest;

namespace {

oci::descriptor describe(std::string media_type, byte_view data) {
    oci::descriptor d;
    d.media_type = std::move(media_type);
    d.digest = crypto::hash_of(crypto::hash_algorithm::sha256, data);
    d.size = data.size();
    return d;
}

bytes pattern(std::size_t n) {
    bytes out(n);
    for (std::size_t i = 0; i < n; ++i)
        out[i] = static_cast<std::byte>(i * 31 + (i >> 8) * 7);
    return out;
}

/// A source in memory.
class memory_source final : public importer::image_source {
  public:
    awaitable<found_manifest> resolve() override { co_return manifests.at(top); }
    awaitable<found_manifest> manifest(oci::descriptor what) override {
        co_return manifests.at(what.digest);
    }
    awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                         importer::byte_sink& sink) override {
        ++requests[what.digest];
        const auto& data = blobs.at(what.digest);
        for (auto rest = byte_view(data).subspan(offset); !rest.empty();) {
            const auto piece = rest.first(std::min<std::size_t>(rest.size(), 16384));
            rest = rest.subspan(piece.size());
            if (!sink.on_bytes(piece)) {
                aio::event resumed(co_await asio::this_coro::executor);
                sink.on_resume([&resumed] { resumed.notify_all(); });
                co_await resumed.wait();
            }
        }
    }
    std::string name() const override { return "memory"; }

    oci::descriptor add_blob(std::string media_type, bytes data) {
        auto d = describe(std::move(media_type), data);
        blobs[d.digest] = std::move(data);
        return d;
    }
    oci::descriptor add_manifest(std::string media_type, std::string text) {
        auto d = describe(media_type, as_bytes(text));
        manifests[d.digest] = {d.digest, std::move(media_type), to_bytes(text)};
        top = d.digest;
        return d;
    }

    std::map<crypto::digest, found_manifest> manifests;
    std::map<crypto::digest, bytes> blobs;
    std::map<crypto::digest, int> requests;
    crypto::digest top;
};

constexpr const char* docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr const char* docker_config = "application/vnd.docker.container.image.v1+json";
constexpr const char* docker_layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
constexpr const char* oci_index = "application/vnd.oci.image.index.v1+json";

oci::descriptor add_image(memory_source& s, std::string architecture, bytes layer) {
    const auto config = s.add_blob(
        docker_config,
        to_bytes(fmt::format(
            R"({{"architecture":"{}","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}}})",
            architecture)));
    const auto blob = s.add_blob(docker_layer, std::move(layer));
    return s.add_manifest(
        docker_manifest,
        fmt::format(
            R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","size":{},"digest":"{}"}},"layers":[{{"mediaType":"{}","size":{},"digest":"{}"}}]}})",
            docker_manifest, docker_config, config.size, config.digest.to_string(), docker_layer,
            blob.size, blob.digest.to_string()));
}

std::string index_of(const std::vector<std::pair<oci::descriptor, std::string>>& entries) {
    std::string list;
    for (const auto& [d, architecture] : entries)
        list += fmt::format(
            R"({}{{"mediaType":"{}","size":{},"digest":"{}","platform":{{"os":"linux","architecture":"{}"}}}})",
            list.empty() ? "" : ",", d.media_type, d.size, d.digest.to_string(), architecture);
    return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})", oci_index,
                       list);
}

oci::platform_choice only(std::string architecture) {
    return {false, {oci::platform{"linux", std::move(architecture)}}};
}
const oci::platform_choice all{true, {}};

struct world {
    executor ex;
    store::content_store& store;
    importer::importer import;
};

template <class Body>
void with_importer(Body body) {
    temp_dir dir;
    aio::pool workers(2);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        store::content_store s(ex, workers, dir / "s");
        std::exception_ptr failed;
        try {
            world w{ex, s, importer::importer(ex, s)};
            co_await body(w);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await s.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

awaitable<error> failure_of(world& w, memory_source& s, oci::platform_choice p) {
    try {
        co_await w.import.import(s, std::move(p), "pin", {});
    } catch (const failure& e) {
        co_return e.reason();
    }
    co_return error{};
}

}  // namespace

TEST(importer, gives_the_root_that_the_prototype_gives) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        const auto m = add_image(s, "amd64", pattern(300'000));
        EXPECT_EQ(m.digest.to_string(),
                  "sha256:7ad8eb2027a946004b38e1990d5f96f917eda8293a8b4c3ae3764ce8883d87f2");
        const auto image = co_await w.import.import(s, all, "pin", {});
        EXPECT_EQ(image.root.to_string(),
                  "bafybeieicit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq");
        EXPECT_TRUE(co_await w.store.block(image.root));
        EXPECT_EQ(image.platforms.at(0).platform.to_string(), "linux/amd64");
    });
}

TEST(importer, fetches_only_the_platforms_asked_for) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        const auto amd = add_image(s, "amd64", pattern(1000));
        const auto arm = add_image(s, "arm64", pattern(2000));
        s.add_manifest(oci_index, index_of({{amd, "amd64"}, {arm, "arm64"}}));
        const auto one = co_await w.import.import(s, only("arm64"), "pin", {});
        EXPECT_EQ(one.platforms.size(), 2u);
        EXPECT_FALSE(one.platforms.at(0).is_imported());
        EXPECT_TRUE(one.platforms.at(1).is_imported());
        EXPECT_EQ(one.platforms.at(1).manifest, arm.digest);
        EXPECT_EQ(s.requests.size(), 2u);
        EXPECT_FALSE(co_await w.store.find(amd.digest));
        const auto both = co_await w.import.import(s, all, "pin", {});
        EXPECT_TRUE(both.platforms.at(0).is_imported());
        EXPECT_EQ(both.digest, one.digest);
        const auto again = oci::decode_image_record(oci::encode(both));
        EXPECT_EQ(again.value(), both);
        EXPECT_NE(both.root, one.root);
        const auto none = co_await failure_of(w, s, only("s390x"));
        EXPECT_EQ(none.code, oci::errc::no_such_platform);
        EXPECT_NE(none.message().find("linux/amd64"), std::string::npos) << none.message();
    });
}

TEST(importer, adds_to_what_the_pin_keeps_and_takes_nothing_from_it_when_it_fails) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        const auto amd = add_image(s, "amd64", pattern(1000));
        const auto arm = add_image(s, "arm64", pattern(2000));
        s.add_manifest(oci_index, index_of({{amd, "amd64"}, {arm, "arm64"}}));
        const auto one = co_await w.import.import(s, only("amd64"), "pin", {});
        for (auto& [digest, data] : s.blobs)
            if (data.size() == 2000)
                data[7] ^= std::byte{1};
        EXPECT_EQ((co_await failure_of(w, s, only("arm64"))).code, store::errc::wrong_digest);
        co_await w.store.collect_garbage();
        for (const auto& blob : one.blobs)
            EXPECT_TRUE(co_await w.store.find(blob.digest)) << blob.digest.to_string();
        EXPECT_TRUE(co_await w.store.block(one.root)) << "the folders of its tree, too";
    });
}

TEST(importer, takes_the_platforms_there_are_and_tells_which_are_missing) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        const auto amd = add_image(s, "amd64", pattern(1000));
        const auto arm = add_image(s, "arm64", pattern(2000));
        s.add_manifest(oci_index, index_of({{amd, "amd64"}, {arm, "arm64"}}));
        importer::progress last;
        const auto listen = [&](const importer::progress& p) { last = p; };
        const oci::platform riscv{"linux", "riscv64"};
        const oci::platform s390x{"linux", "s390x"};
        const auto some =
            co_await w.import.import(s, {false, {s390x, {"linux", "amd64"}, riscv}}, "pin", listen);
        EXPECT_TRUE(some.platforms.at(0).is_imported());
        EXPECT_FALSE(some.platforms.at(1).is_imported());
        EXPECT_EQ(last.missing, (std::vector{s390x, riscv}));
        const auto none = co_await failure_of(w, s, {false, {s390x, riscv}});
        EXPECT_EQ(none.code, oci::errc::no_such_platform);
        // An image without an index tells its platform only in its config.
        memory_source single;
        add_image(single, "amd64", pattern(1000));
        co_await w.import.import(single, {false, {{"linux", "amd64"}, riscv}}, "pin", listen);
        EXPECT_EQ(last.missing, std::vector{riscv});
        const auto other = co_await failure_of(w, single, {false, {s390x, riscv}});
        EXPECT_EQ(other.code, oci::errc::no_such_platform);
    });
}

TEST(importer, refuses_a_single_image_of_another_platform_before_its_layers) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        add_image(s, "arm64", pattern(5000));
        const auto e = co_await failure_of(w, s, only("amd64"));
        EXPECT_EQ(e.code, oci::errc::no_such_platform);
        EXPECT_EQ(s.requests.size(), 1u);
    });
}

TEST(importer, shares_the_work_of_two_imports_at_once) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        add_image(s, "amd64", pattern(3'000'000));
        std::vector<awaitable<void>> both;
        for (int i = 0; i < 2; ++i)
            both.push_back([](world& in, memory_source& from) -> awaitable<void> {
                const auto image = co_await in.import.import(from, all, "pin", {});
                EXPECT_EQ(image.blobs.size(), 3u);
            }(w, s));
        co_await aio::all_of(std::move(both));
        for (const auto& [digest, count] : s.requests)
            EXPECT_EQ(count, 1) << digest.to_string();
    });
}

TEST(importer, reports_progress_up_to_the_whole) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        add_image(s, "amd64", pattern(3'000'000));
        importer::progress last;
        std::uint64_t before = 0;
        co_await w.import.import(s, all, "pin", [&](const importer::progress& p) {
            EXPECT_GE(p.bytes_done, before);
            before = p.bytes_done;
            last = p;
        });
        EXPECT_EQ(last.bytes_done, last.bytes_total);
        EXPECT_EQ(last.bytes_from_source, 3'000'078u);
        EXPECT_EQ(last.blobs_done, 2u);
    });
}

TEST(importer, keeps_nothing_of_wrong_bytes) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        add_image(s, "amd64", pattern(400'000));
        for (auto& [digest, data] : s.blobs)
            if (data.size() == 400'000)
                data[399'999] ^= std::byte{1};
        EXPECT_EQ((co_await failure_of(w, s, all)).code, store::errc::wrong_digest);
        const auto stat = co_await w.store.stat();
        EXPECT_EQ(stat.blobs, 2u);  // manifest and config
        EXPECT_EQ(stat.partial_blobs, 0u);
    });
}

TEST(importer, bounds_how_deep_indexes_nest) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        auto inner = add_image(s, "amd64", pattern(10));
        for (std::size_t i = 0; i < oci::index_depth_max; ++i)
            inner = s.add_manifest(oci_index, index_of({{inner, "amd64"}}));
        EXPECT_EQ((co_await failure_of(w, s, all)).code, importer::errc::nested_too_deep);
    });
}

TEST(importer, allows_indexes_nested_up_to_the_limit) {
    with_importer([](world& w) -> awaitable<void> {
        memory_source s;
        auto inner = add_image(s, "amd64", pattern(10));
        for (std::size_t i = 0; i + 1 < oci::index_depth_max; ++i)
            inner = s.add_manifest(oci_index, index_of({{inner, "amd64"}}));
        const auto image = co_await w.import.import(s, only("amd64"), "pin", {});
        EXPECT_EQ(image.platforms.size(), 1u);
        EXPECT_EQ(image.blobs.size(), oci::index_depth_max - 1 + 3);
    });
}
