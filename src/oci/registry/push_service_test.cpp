#include "oci/registry/push_service.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "aio/run_for_test.hpp"
#include "base/rng.hpp"
#include "base/temp_dir.hpp"
#include "crypto/hash.hpp"
#include "http/server/test_client.hpp"
#include "oci/media_type.hpp"
#include "oci/registry/memory_publisher.hpp"
#include "oci/registry/memory_resolver.hpp"
#include "oci/registry/pull_service.hpp"

using namespace dm;
using namespace dm::registry;
using crypto::digest;
using server::fetch;
using server::header_list;

namespace {

std::string random_text(std::size_t n, std::uint64_t seed) {
    rng r(seed);
    std::string out(n, '\0');
    for (auto& c : out)
        c = static_cast<char>(r());
    return out;
}

std::string digest_of(std::string_view data,
                      crypto::hash_algorithm a = crypto::hash_algorithm::sha256) {
    return crypto::hash_of(a, as_bytes(data)).to_string();
}

std::string manifest_of(std::string_view config, const std::vector<std::string>& layers,
                        std::string_view more = "") {
    std::string list;
    for (const auto& layer : layers)
        list += fmt::format(R"({}{{"mediaType":"{}","size":{},"digest":"{}"}})",
                            list.empty() ? "" : ",", oci::media_type::oci_layer, layer.size(),
                            digest_of(layer));
    return fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","size":{},"digest":"{}"}},"layers":[{}]{}}})",
        oci::media_type::oci_manifest, oci::media_type::oci_config, config.size(),
        digest_of(config), list, more);
}

std::string index_of(const std::vector<std::string>& documents, std::string_view type) {
    std::string list;
    for (const auto& d : documents)
        list += fmt::format(R"({}{{"mediaType":"{}","size":{},"digest":"{}"}})",
                            list.empty() ? "" : ",", type, d.size(), digest_of(d));
    return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})",
                       oci::media_type::oci_index, list);
}

struct node {
    explicit node(executor ex, push_options o = {}, store::options so = {}, pull_options po = {})
        : store(ex, workers, dir / "store", so),
          names(ex),
          known(dir / "registry.db"),
          push(ex, workers, store, known, names, fleet, o),
          service(store, names, pushed_content{known, push, workers}, std::move(po)),
          server(ex, workers, routes.as_handler(), pull_service::server_options()) {
        service.mount(routes);
    }

    awaitable<server::reply> send(std::string method, std::string path, std::string body = {},
                                  header_list headers = {}) {
        return fetch(server, std::move(method), std::move(path), std::move(headers),
                     std::move(body));
    }

    awaitable<int> push_blob(std::string repository, std::string data) {
        const auto path =
            fmt::format("/v2/{}/blobs/uploads/?digest={}", repository, digest_of(data));
        co_return (co_await send("POST", path, data)).status;
    }

    awaitable<server::reply> put(std::string repository, std::string reference,
                                 std::string manifest) {
        co_return co_await send("PUT", fmt::format("/v2/{}/manifests/{}", repository, reference),
                                manifest);
    }

    awaitable<int> status(std::string method, std::string path) {
        co_return (co_await send(std::move(method), std::move(path))).status;
    }

    std::size_t upload_files() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(dir / "store" / "uploads"), {}));
    }

    temp_dir dir;
    aio::pool workers{2};
    store::content_store store;
    memory_resolver names;
    memory_publisher fleet;
    repositories known;
    push_service push;
    pull_service service;
    server::router routes;
    server::http_server server;
};

template <class Check>
void with_node(Check check, push_options o = {}, store::options so = {}) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        node n(ex, o, so);
        n.push.start();
        std::exception_ptr failed;
        try {
            co_await check(n);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await n.server.stop();
        co_await n.push.stop();
        co_await n.store.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

std::string location(const server::reply& r) {
    return std::string(r.headers.value("Location"));
}

bool says(const server::reply& r, std::string_view code) {
    return r.body.contains(fmt::format(R"("code":"{}")", code));
}

}  // namespace

TEST(push_service, takes_a_blob_in_chunks_and_says_how_far_it_is) {
    with_node([](node& n) -> awaitable<void> {
        const auto data = random_text(700'000, 1);
        auto r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        EXPECT_EQ(r.status, 202);
        EXPECT_EQ(r.headers.value("Range"), "0-0");
        EXPECT_TRUE(location(r).starts_with("/v2/team/app/blobs/uploads/"));
        EXPECT_FALSE(r.headers.value("Docker-Upload-UUID").empty());

        r = co_await n.send("PATCH", location(r), data.substr(0, 300'000),
                            {{"Content-Range", "0-299999"}});
        EXPECT_EQ(r.status, 202);
        EXPECT_EQ(r.headers.value("Range"), "0-299999");
        const auto where = location(r);
        r = co_await n.send("GET", where + "?digest=x");
        EXPECT_EQ(r.status, 204);
        EXPECT_EQ(r.headers.value("Range"), "0-299999");

        for (const char* range : {"0-299999", "300001-600000", "299999-300000"}) {
            r = co_await n.send("PATCH", where, data.substr(0, 300'000),
                                {{"Content-Range", range}});
            EXPECT_EQ(r.status, 416) << range;
            EXPECT_EQ(r.headers.value("Range"), "0-299999");
            EXPECT_TRUE(says(r, "BLOB_UPLOAD_INVALID"));
            r = co_await n.send("PUT", where + "?digest=" + digest_of(data),
                                data.substr(0, 300'000), {{"Content-Range", range}});
            EXPECT_EQ(r.status, 416) << range;
        }
        r = co_await n.send("PATCH", where, data.substr(300'000, 100'000));
        EXPECT_EQ(r.status, 202);
        r = co_await n.send("PUT", where + "?digest=" + digest_of(data), data.substr(400'000),
                            {{"Content-Range", "400000-699999"}});
        EXPECT_EQ(r.status, 201);
        EXPECT_EQ(location(r), "/v2/team/app/blobs/" + digest_of(data));
        EXPECT_EQ(r.headers.value("Docker-Content-Digest"), digest_of(data));
        EXPECT_EQ((co_await n.send("GET", location(r))).body, data);
        EXPECT_EQ(co_await n.status("GET", where), 404);
        EXPECT_EQ(n.push.uploads(), 0u);
    });
}

TEST(push_service, takes_a_chunked_body_as_docker_sends_it) {
    with_node([](node& n) -> awaitable<void> {
        const auto r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        const auto raw = co_await server::talk(
            n.server, fmt::format("PATCH {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n "
                                  "world\r\n0\r\n\r\n",
                                  location(r)));
        EXPECT_EQ(server::parse_reply(raw).headers.value("Range"), "0-10");
        EXPECT_EQ(co_await n.status("PUT", location(r) + "?digest=" + digest_of("hello world")),
                  201);
    });
}

TEST(push_service, refuses_a_digest_that_is_not_the_contents) {
    with_node([](node& n) -> awaitable<void> {
        const auto wrong = digest_of("other");
        auto r = co_await n.send("POST", "/v2/team/app/blobs/uploads/?digest=" + wrong, "data");
        EXPECT_EQ(r.status, 400);
        EXPECT_TRUE(says(r, "DIGEST_INVALID"));
        r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        r = co_await n.send("PUT", location(r) + "?digest=" + wrong, "data");
        EXPECT_EQ(r.status, 400);
        for (const char* bad : {"", "?digest=", "?digest=abc", "?digest=sha256:12",
                                "?digest=blake3:0123456789abcdef"}) {
            r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
            r = co_await n.send("PUT", location(r) + bad, "data");
            EXPECT_EQ(r.status, 400) << bad;
            EXPECT_TRUE(says(r, "DIGEST_INVALID"));
        }
        EXPECT_TRUE((co_await n.store.blobs()).empty());
        EXPECT_EQ(co_await n.status("GET", "/v2/team/app/blobs/" + wrong), 404);
    });
}

TEST(push_service, refuses_chunks_of_another_size_than_announced) {
    with_node([](node& n) -> awaitable<void> {
        for (const char* range : {"0-8", "0-10", "x", "5", "9-0", "0-18446744073709551615"}) {
            const auto r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
            const auto answer =
                co_await n.send("PATCH", location(r), "0123456789", {{"Content-Range", range}});
            EXPECT_EQ(answer.status, 400) << range;
        }
    });
}

TEST(push_service, lets_an_upload_be_cancelled) {
    with_node([](node& n) -> awaitable<void> {
        auto r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        const auto where = location(r);
        co_await n.send("PATCH", where, random_text(100'000, 1));
        EXPECT_EQ(n.upload_files(), 1u);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/team/other" + where.substr(12)), 404);
        EXPECT_EQ(co_await n.status("DELETE", where), 204);
        EXPECT_EQ(co_await n.status("DELETE", where), 404);
        EXPECT_EQ(co_await n.status("PATCH", where), 404);
        EXPECT_EQ(n.upload_files(), 0u);
    });
}

TEST(push_service, goes_on_after_a_client_has_left_in_the_middle) {
    with_node([](node& n) -> awaitable<void> {
        const auto data = random_text(3'000'000, 1);
        const auto r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        auto head =
            fmt::format("PATCH {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
                        location(r), data.size());
        {
            auto [client, service] = aio::memory_pipe(co_await asio::this_coro::executor, 1 << 20);
            n.server.serve(std::move(service));
            co_await client->write(as_bytes(head + data.substr(0, 2'000'000)));
            client->close();
        }
        while (n.server.connections() > 0)
            co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
        const auto there = co_await n.send("GET", location(r));
        EXPECT_EQ(there.status, 204);
        EXPECT_EQ(there.headers.value("Range"), "0-1999999");
        const auto end = co_await n.send("PUT", location(r) + "?digest=" + digest_of(data),
                                         data.substr(2'000'000));
        EXPECT_EQ(end.status, 201);
    });
}

TEST(push_service, forgets_the_oldest_of_too_many_uploads) {
    with_node([](node& n) -> awaitable<void> {
        auto kept = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        co_await n.send("PATCH", location(kept), "some");
        const auto first = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        for (std::size_t i = 0; i < 10'000; ++i)
            co_await n.send("POST", "/v2/team/app/blobs/uploads/");
        EXPECT_EQ(n.push.uploads(), uploads_max);
        EXPECT_EQ(co_await n.status("GET", location(first)), 404);
        EXPECT_EQ(co_await n.status("PUT", location(kept) + "?digest=" + digest_of("some")), 201);
    });
}

TEST(push_service, ends_uploads_that_nobody_continues) {
    const push_options soon{.upload_idle_max = std::chrono::seconds(0),
                            .review_interval = std::chrono::seconds(0)};
    with_node(
        [](node& n) -> awaitable<void> {
            const auto r = co_await n.send("POST", "/v2/team/app/blobs/uploads/");
            co_await n.send("PATCH", location(r), "some");
            while (n.push.uploads() > 0)
                co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
            EXPECT_EQ(co_await n.status("GET", location(r)), 404);
            EXPECT_EQ(n.upload_files(), 0u);
        },
        soon);
}

TEST(push_service, says_that_the_disk_is_full) {
    with_node(
        [](node& n) -> awaitable<void> {
            const auto data = random_text(2'000'000, 1);
            const auto r = co_await n.send(
                "POST", "/v2/team/app/blobs/uploads/?digest=" + digest_of(data), data);
            EXPECT_EQ(r.status, 507);
            EXPECT_EQ(n.upload_files(), 0u);
            EXPECT_EQ(co_await n.push_blob("team/app", "small"), 201);
        },
        {}, {.size_max = 1'000'000});
}

TEST(push_service, makes_an_image_of_the_fleet_of_what_is_pushed) {
    with_node([](node& n) -> awaitable<void> {
        const auto config = std::string("{}");
        const auto layer = random_text(1000, 1);
        const auto manifest = manifest_of(config, {layer});
        EXPECT_EQ(co_await n.push_blob("team/app", config), 201);
        auto r = co_await n.put("team/app", "1", manifest);
        EXPECT_EQ(r.status, 400);
        EXPECT_TRUE(says(r, "MANIFEST_BLOB_UNKNOWN"));
        EXPECT_EQ(co_await n.push_blob("team/app", layer), 201);
        r = co_await n.put("team/app", "1", manifest);
        EXPECT_EQ(r.status, 201);
        const auto d = digest_of(manifest);
        EXPECT_EQ(location(r), "/v2/team/app/manifests/" + d);
        EXPECT_EQ(r.headers.value("Docker-Content-Digest"), d);
        EXPECT_EQ(r.headers.value("X-Docker-Content-ID"), n.fleet.root.to_string());
        EXPECT_FALSE(r.headers.find("Warning"));
        EXPECT_EQ(n.fleet.names.at("mesh/team/app:1").to_string(), d);
        for (const char* name : {"team/app", "mesh/team/app"})
            for (const std::string& reference : {std::string("1"), d}) {
                r = co_await n.send("GET", fmt::format("/v2/{}/manifests/{}", name, reference));
                EXPECT_EQ(r.body, manifest);
                EXPECT_EQ(r.headers.value("Content-Type"), oci::media_type::oci_manifest);
            }
        EXPECT_EQ((co_await n.send("GET", "/v2/team/app/tags/list")).body,
                  "{\"name\":\"team/app\",\"tags\":[\"1\"]}\n");
        EXPECT_EQ((co_await n.send("GET", "/v2/_catalog")).body,
                  "{\"repositories\":[\"team/app\"]}\n");
        // Kept, whatever else is evicted.
        EXPECT_EQ(co_await n.store.collect_garbage(), 0u);
    });
}

TEST(push_service, succeeds_although_the_fleet_cannot_be_told) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("app", "{}");
        n.fleet.fleet_wide = false;
        auto r = co_await n.put("app", "1", manifest_of("{}", {}));
        EXPECT_EQ(r.status, 201);
        EXPECT_EQ(r.headers.value("Warning"),
                  "299 - \"known to this node only, which is no operator of the fleet\"");
        n.fleet.refuses = true;
        r = co_await n.put("app", "2", manifest_of("{}", {}));
        EXPECT_EQ(r.status, 201);
        EXPECT_TRUE(r.headers.value("Warning").contains("no room for a record"));
        EXPECT_EQ(co_await n.status("GET", "/v2/app/manifests/2"), 200);
    });
}

TEST(push_service, refuses_names_that_belong_to_others) {
    with_node([](node& n) -> awaitable<void> {
        n.names.images["docker.io/team/known"]["1"] = {*crypto::parse_digest(digest_of("x"))};
        for (const char* name :
             {"library/busybox", "docker.io/library/busybox", "docker.io/team/app", "ghcr.io/a/b",
              "localhost/x", "mesh/library/x", "team/known",
              "ciqiqerhwpyacpp3lhkayqdgzfbzjbntmfpxu7ymi45jd4nqdg6gfra"}) {
            const auto r = co_await n.send("POST", fmt::format("/v2/{}/blobs/uploads/", name));
            EXPECT_EQ(r.status, 403) << name;
            EXPECT_TRUE(says(r, "DENIED"));
            EXPECT_EQ((co_await n.put(name, "1", manifest_of("{}", {}))).status, 403);
        }
        EXPECT_EQ(co_await n.status("POST", "/v2/team/app/blobs/uploads/?ns=docker.io"), 403);
    });
}

TEST(push_service, never_answers_a_mirror_request_with_what_was_pushed) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("team/app", "{}");
        EXPECT_EQ((co_await n.put("team/app", "1", manifest_of("{}", {}))).status, 201);
        for (const std::string& path :
             {std::string("manifests/1"), "manifests/" + digest_of(manifest_of("{}", {})),
              "blobs/" + digest_of("{}"), std::string("tags/list")}) {
            EXPECT_EQ(co_await n.status("GET", "/v2/team/app/" + path), 200);
            EXPECT_EQ(co_await n.status("GET", fmt::format("/v2/team/app/{}?ns=docker.io", path)),
                      404);
            EXPECT_EQ(co_await n.status("GET", "/v2/docker.io/team/app/" + path), 404);
        }
    });
}

TEST(push_service, refuses_pushes_that_a_web_page_may_have_sent) {
    with_node([](node& n) -> awaitable<void> {
        auto r =
            co_await n.send("POST", "/v2/team/app/blobs/uploads/", {}, {{"Host", "evil.example"}});
        EXPECT_EQ(r.status, 403);
        r = co_await n.send("POST", "/v2/team/app/blobs/uploads/", {},
                            {{"Origin", "http://evil.example"}});
        EXPECT_EQ(r.status, 403);
    });
}

TEST(push_service, refuses_what_is_no_manifest) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("app", "{}");
        const auto good = manifest_of("{}", {});
        for (const char* bad : {"", "{", "{}", "[]", R"({"schemaVersion":1})"})
            EXPECT_TRUE(says(co_await n.put("app", "1", bad), "MANIFEST_INVALID")) << bad;
        EXPECT_EQ((co_await n.put("app", digest_of("x"), good)).status, 400);
        EXPECT_TRUE(says(co_await n.put("app", "sha256:bad", good), "DIGEST_INVALID"));
        EXPECT_TRUE(says(co_await n.put("app", ".bad", good), "MANIFEST_INVALID"));
        const auto r = co_await n.send("PUT", "/v2/app/manifests/1", good,
                                       {{"Content-Type", std::string(oci::media_type::oci_index)}});
        EXPECT_TRUE(says(r, "MANIFEST_INVALID"));
        EXPECT_EQ(
            (co_await n.put("app", "1", std::string(oci::manifest_bytes_max + 1, ' '))).status,
            413);
        auto wrong_size = good;
        wrong_size.replace(wrong_size.find("\"size\":2"), 8, "\"size\":3");
        EXPECT_TRUE(says(co_await n.put("app", "1", wrong_size), "MANIFEST_INVALID"));
        std::string query = "1";
        for (std::size_t i = 0; i < tags_per_push_max; ++i)
            query += fmt::format("{}tag=t{}", i == 0 ? "?" : "&", i);
        EXPECT_EQ((co_await n.put("app", query, good)).status, 400);
        EXPECT_EQ(co_await n.status("GET", "/v2/app/tags/list"), 200);
        EXPECT_TRUE(n.fleet.names.empty());
    });
}

TEST(push_service, takes_indexes_as_deep_as_can_be_pulled) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("app", "{}");
        auto inner = manifest_of("{}", {});
        EXPECT_EQ((co_await n.put("app", digest_of(inner), inner)).status, 201);
        auto type = oci::media_type::oci_manifest;
        for (std::size_t depth = 1; depth <= oci::index_depth_max + 1; ++depth) {
            const auto outer = index_of({inner}, type);
            EXPECT_EQ((co_await n.put("app", digest_of(outer), outer)).status,
                      depth <= oci::index_depth_max ? 201 : 400)
                << depth;
            inner = outer;
            type = oci::media_type::oci_index;
        }
        // What an index names may come later.
        EXPECT_EQ((co_await n.put("app", "sparse", index_of({"x"}, type))).status, 201);
    });
}

TEST(push_service, mounts_what_another_repository_has) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("team/a", "data");
        const auto d = digest_of("data");
        EXPECT_EQ(co_await n.status("GET", "/v2/team/b/blobs/" + d), 404);
        auto r = co_await n.send("POST", "/v2/team/b/blobs/uploads/?from=team/none&mount=" + d);
        EXPECT_EQ(r.status, 202);
        EXPECT_TRUE(location(r).starts_with("/v2/team/b/blobs/uploads/"));
        r = co_await n.send("POST",
                            "/v2/team/b/blobs/uploads/?from=team/a&mount=" + digest_of("none"));
        EXPECT_EQ(r.status, 202);
        for (const std::string& how : {"from=team/a&mount=" + d, "mount=" + d}) {
            r = co_await n.send("POST", "/v2/team/b/blobs/uploads/?" + how);
            EXPECT_EQ(r.status, 201);
            EXPECT_EQ(location(r), "/v2/team/b/blobs/" + d);
        }
        EXPECT_EQ((co_await n.send("GET", "/v2/team/b/blobs/" + d)).body, "data");
    });
}

TEST(push_service, deletes_tags_manifests_and_blobs) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("app", "{}");
        const auto m = manifest_of("{}", {});
        for (const char* tag : {"1", "2", "3"})
            co_await n.put("app", tag, m);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/app/manifests/1"), 202);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/app/manifests/1"), 404);
        EXPECT_EQ(co_await n.status("HEAD", "/v2/app/manifests/1"), 404);
        EXPECT_EQ(co_await n.status("HEAD", "/v2/app/manifests/" + digest_of(m)), 200);
        EXPECT_FALSE(n.fleet.names.contains("mesh/app:1"));
        EXPECT_EQ(co_await n.status("DELETE", "/v2/app/manifests/" + digest_of(m)), 202);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/app/manifests/" + digest_of(m)), 404);
        EXPECT_EQ(co_await n.status("HEAD", "/v2/app/manifests/2"), 404);
        EXPECT_TRUE(n.fleet.names.empty());
        EXPECT_EQ(n.fleet.withdrawn.size(), 1u);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/app/blobs/" + digest_of("{}")), 202);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/app/blobs/" + digest_of("{}")), 404);
        EXPECT_EQ(co_await n.status("HEAD", "/v2/app/blobs/" + digest_of("{}")), 404);
        EXPECT_EQ(co_await n.status("GET", "/v2/app/tags/list"), 404);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/app/tags/list"), 405);
        EXPECT_EQ(co_await n.status("DELETE", "/v2/"), 405);
    });
}

TEST(push_service, lists_tags_and_repositories_in_pages) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("app", "{}");
        for (const char* tag : {"d", "b", "c"})
            co_await n.put("app", tag, manifest_of("{}", {}));
        n.names.images["mesh/app"]["a"] = {};  // pushed to another node
        auto r = co_await n.send("GET", "/v2/app/tags/list?n=2");
        EXPECT_EQ(r.body, "{\"name\":\"app\",\"tags\":[\"a\",\"b\"]}\n");
        EXPECT_EQ(r.headers.value("Link"), "</v2/app/tags/list?n=2&last=b>; rel=\"next\"");
        r = co_await n.send("GET", "/v2/app/tags/list?n=2&last=b");
        EXPECT_EQ(r.body, "{\"name\":\"app\",\"tags\":[\"c\",\"d\"]}\n");
        EXPECT_FALSE(r.headers.find("Link"));
        r = co_await n.send("GET", "/v2/app/tags/list?n=0");
        EXPECT_EQ(r.body, "{\"name\":\"app\",\"tags\":[]}\n");
        EXPECT_FALSE(r.headers.find("Link"));
        for (int i = 0; i < 3; ++i) {
            co_await n.push_blob(fmt::format("r{}", i), "{}");
            co_await n.put(fmt::format("r{}", i), "1", manifest_of("{}", {}));
        }
        r = co_await n.send("GET", "/v2/_catalog?n=2&last=app");
        EXPECT_EQ(r.body, "{\"repositories\":[\"r0\",\"r1\"]}\n");
        EXPECT_EQ(r.headers.value("Link"), "</v2/_catalog?n=2&last=r1>; rel=\"next\"");
    });
}

TEST(push_service, tells_what_refers_to_an_image) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("app", "{}");
        const auto subject = digest_of("subject");
        const auto path = "/v2/app/referrers/" + subject;
        auto r = co_await n.send("GET", path);
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.headers.value("Content-Type"), oci::media_type::oci_index);
        EXPECT_EQ(r.body,
                  "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
                  "\"manifests\":[]}\n");
        EXPECT_EQ(co_await n.status("GET", "/v2/app/referrers/sha256:bad"), 400);

        const auto about = fmt::format(
            R"(,"subject":{{"mediaType":"{}","size":7,"digest":"{}"}},"annotations":{{"k":"v"}})",
            oci::media_type::oci_manifest, subject);
        const auto plain = manifest_of("{}", {}, about);
        const auto typed = manifest_of("{}", {}, about + R"(,"artifactType":"a/sbom")");
        for (const auto& m : {plain, typed}) {
            r = co_await n.put("app", digest_of(m), m);
            EXPECT_EQ(r.status, 201);
            EXPECT_EQ(r.headers.value("OCI-Subject"), subject);
        }
        r = co_await n.send("GET", path);
        EXPECT_TRUE(r.body.contains(digest_of(plain)) && r.body.contains(digest_of(typed)));
        EXPECT_TRUE(r.body.contains(R"("annotations":{"k":"v"})"));
        EXPECT_TRUE(
            r.body.contains(fmt::format(R"("artifactType":"{}")", oci::media_type::oci_config)));
        r = co_await n.send("GET", path + "?artifactType=a/sbom");
        EXPECT_EQ(r.headers.value("OCI-Filters-Applied"), "artifactType");
        EXPECT_TRUE(!r.body.contains(digest_of(plain)) && r.body.contains(digest_of(typed)));
        r = co_await n.send("GET", path + "?n=1");
        EXPECT_TRUE(r.headers.value("Link").starts_with(fmt::format("<{}?n=1&last=", path)));
        const auto next = std::string(r.headers.value("Link"));
        r = co_await n.send("GET", next.substr(1, next.find('>') - 1));
        EXPECT_FALSE(r.headers.find("Link"));
        EXPECT_TRUE(r.body.contains("sha256:"));
    });
}

TEST(push_service, keeps_what_was_pushed_although_the_stores_index_was_lost) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.push_blob("app", "{}");
        const auto manifest = manifest_of("{}", {});
        co_await n.put("app", "1", manifest);
        co_await n.store.unpin("pushed:" + digest_of(manifest));
        co_await n.store.pin("pushed:" + digest_of("gone"), {}, {});
        push_service again(co_await asio::this_coro::executor, n.workers, n.store, n.known, n.names,
                           n.fleet);
        again.start();
        std::vector<store::block_index::pin_entry> pins;
        do {
            co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
            pins = co_await n.store.pins("pushed:");
        } while (pins.size() != 1 || pins.front().name != "pushed:" + digest_of(manifest));
        EXPECT_EQ(pins.front().blobs.size(), 2u);
        co_await again.stop();
    });
}

TEST(push_service, keeps_everything_over_a_restart_but_open_uploads) {
    const temp_dir dir;
    {
        repositories known(dir / "registry.db");
        const auto d = *crypto::parse_digest(digest_of("m"));
        known.put_manifest("team/app", {.digest = d, .media_type = "t", .size = 1}, {"1"});
        known.add_blob("team/app", d);
    }
    repositories known(dir / "registry.db");
    const auto d = *crypto::parse_digest(digest_of("m"));
    EXPECT_EQ(known.find_tag("team/app", "1")->digest, d);
    EXPECT_EQ(known.find_blob("team/app", d), repositories::presence::here);
    EXPECT_TRUE(known.remove_blob("team/app", d));
    EXPECT_EQ(known.find_blob("team/app", d), repositories::presence::removed);
    EXPECT_EQ(known.remove_manifest("team/app", d), std::vector<std::string>{"1"});
    EXPECT_FALSE(known.exists("team/app"));
}

TEST(push_service, lets_callers_do_what_the_rules_say) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        access::guard guard(workers, {},
                            *access::token_list::parse("alice alices-secret-token\n"
                                                       "bob bobs-secret-token-1\n"));
        auto rules = *access::rule_list::parse(
            "alice team/* read,push,delete\nbob team/app read\n* open/* read\n");
        node n(ex, {}, {}, {.access = access_policy{guard, std::move(rules)}});
        const auto as = [](std::string_view token) {
            return header_list{{"Authorization", fmt::format("Bearer {}", token)}};
        };
        const auto alice = as("alices-secret-token");
        const auto bob = as("bobs-secret-token-1");
        const auto upload = "/v2/team/app/blobs/uploads/?digest=" + digest_of("data");
        EXPECT_EQ((co_await n.send("GET", "/v2/")).status, 401);
        EXPECT_EQ((co_await n.send("GET", "/v2/", {}, bob)).status, 200);
        auto r = co_await n.send("POST", upload, "data");
        EXPECT_EQ(r.status, 401);
        EXPECT_TRUE(says(r, "UNAUTHORIZED"));
        EXPECT_TRUE(r.headers.value("WWW-Authenticate").starts_with("Basic "));
        r = co_await n.send("POST", upload, "data", bob);
        EXPECT_EQ(r.status, 403);
        EXPECT_TRUE(says(r, "DENIED"));
        EXPECT_EQ((co_await n.send("POST", upload, "data", alice)).status, 201);
        const auto blob = "/v2/team/app/blobs/" + digest_of("data");
        EXPECT_EQ((co_await n.send("GET", blob, {}, bob)).body, "data");
        EXPECT_EQ((co_await n.send("GET", blob)).status, 401);
        EXPECT_EQ((co_await n.send("DELETE", blob, {}, bob)).status, 403);
        EXPECT_EQ((co_await n.send("GET", "/v2/open/x/tags/list")).status, 404);
        EXPECT_EQ((co_await n.send("GET", "/v2/_catalog", {}, alice)).status, 403);
        // Not by another name, nor by mounting.
        EXPECT_EQ((co_await n.send("GET", "/v2/open/x/blobs/" + digest_of("data"))).status, 404);
        EXPECT_EQ(
            (co_await n.send(
                 "POST", "/v2/team/other/blobs/uploads/?from=other/one&mount=" + digest_of("data"),
                 {}, alice))
                .status,
            403);
        co_await n.server.stop();
        co_await n.push.stop();
        co_await n.store.stop();
    });
}
