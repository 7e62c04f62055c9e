#include "oci/registry/pull_service.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/rng.hpp"
#include "base/temp_dir.hpp"
#include "crypto/hash.hpp"
#include "http/server/test_client.hpp"
#include "oci/media_type.hpp"
#include "oci/reference.hpp"
#include "oci/registry/memory_resolver.hpp"
#include "oci/registry/name_resolver_conformance.hpp"

using namespace dm;
using namespace dm::registry;
using crypto::digest;
using server::fetch;

namespace {

constexpr std::string_view image_name = "ciqiqerhwpyacpp3lhkayqdgzfbzjbntmfpxu7ymi45jd4nqdg6gfra";

digest digest_of(byte_view data) {
    return crypto::hash_of(crypto::hash_algorithm::sha256, data);
}

bytes random_bytes(std::size_t n) {
    rng r(n);
    bytes out(n);
    for (auto& b : out)
        b = static_cast<std::byte>(r());
    return out;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    while (times-- > 0)
        out += text;
    return out;
}

/// A node with one image, under a plain name and under its root.
struct node {
    explicit node(executor ex)
        : store(ex, workers, dir / "store"),
          names(ex),
          service(store, names, {},
                  {.waiting = [this](const digest& d,
                                     std::uint64_t at) { waiting.insert_or_assign(d, at); }}),
          server(ex, workers, routes.as_handler(), options()) {
        service.mount(routes);
    }

    static server::options options() {
        auto o = pull_service::server_options();
        o.linger_timeout = std::chrono::milliseconds(50);
        return o;
    }

    awaitable<void> add_image() {
        layer = random_bytes(2048);
        co_await store.put(digest_of(layer), layer);
        manifest = fmt::format(
            R"({{"schemaVersion":2,"mediaType":"{0}","config":{{"mediaType":"{1}","size":2048,"digest":"{2}"}},"layers":[]}})",
            oci::media_type::docker_manifest, oci::media_type::docker_config,
            digest_of(layer).to_string());
        co_await store.put(digest_of(as_bytes(manifest)), as_bytes(manifest));
        const resolved_tag tag{digest_of(as_bytes(manifest))};
        names.images["docker.io/library/busybox"] = {{"1.35.0", tag}, {"latest", tag}, {"v2", tag}};
        names.images[memory_resolver::key(*oci::parse_name_form(image_name))] = {{"latest", tag}};
    }

    std::string blob_path(const digest& d) const {
        return fmt::format("/v2/busybox/blobs/{}", d.to_string());
    }

    temp_dir dir;
    aio::pool workers{2};
    store::content_store store;
    memory_resolver names;
    std::map<digest, std::uint64_t> waiting;  ///< from where on, by blob
    pull_service service;
    server::router routes;
    server::http_server server;
    bytes layer;
    std::string manifest;
};

template <class Check>
void with_node(Check check) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        node n(ex);
        co_await n.add_image();
        std::exception_ptr failed;
        try {
            co_await check(n);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await n.server.stop();
        co_await n.store.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

}  // namespace

TEST(memory_resolver, is_a_name_resolver) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        memory_resolver names(ex);
        const auto d = digest_of(as_bytes("x"));
        names.images["docker.io/library/busybox"]["1.35.0"] = {d};
        co_await check_name_resolver(names, *oci::parse_name_form("busybox"), "1.35.0", d);
    });
}

TEST(pull_service, says_that_it_is_a_registry) {
    with_node([](node& n) -> awaitable<void> {
        for (const char* path : {"/v2/", "/v2"}) {
            const auto r = co_await fetch(n.server, "GET", path);
            EXPECT_EQ(r.status, 200);
            EXPECT_EQ(r.body, "{}");
            EXPECT_EQ(r.headers.value("Docker-Distribution-API-Version"), "registry/2.0");
        }
        EXPECT_EQ((co_await fetch(n.server, "GET", "/health")).body, "OK\n");
    });
}

TEST(pull_service, serves_manifests_byte_for_byte) {
    with_node([](node& n) -> awaitable<void> {
        const auto d = digest_of(as_bytes(n.manifest)).to_string();
        const std::vector<std::string> paths{
            "/v2/busybox/manifests/1.35.0",
            "/v2/library/busybox/manifests/" + d,
            "/v2/library/busybox/manifests/latest?ns=docker.io",
            fmt::format("/v2/{}/manifests/latest", image_name),
            fmt::format("/v2/{}/manifests/sha256%3A{}", image_name, d.substr(7)),
        };
        for (const auto& path : paths) {
            const auto r = co_await fetch(n.server, "GET", path);
            EXPECT_EQ(r.status, 200) << path;
            EXPECT_EQ(r.body, n.manifest);
            EXPECT_EQ(r.headers.value("Content-Type"), oci::media_type::docker_manifest);
            EXPECT_EQ(r.headers.value("Docker-Content-Digest"), d);
            const auto head = co_await fetch(n.server, "HEAD", path);
            EXPECT_EQ(head.status, 200);
            EXPECT_EQ(head.headers.value("Content-Length"), fmt::format("{}", n.manifest.size()));
            EXPECT_TRUE(head.body.empty());
        }
        const auto same = co_await fetch(n.server, "GET", "/v2/busybox/manifests/latest",
                                         {{"If-None-Match", "\"" + d + "\""}});
        EXPECT_EQ(same.status, 304);
        EXPECT_TRUE(same.body.empty());
    });
}

TEST(pull_service, says_what_is_unknown_in_the_words_of_the_distribution_api) {
    with_node([](node& n) -> awaitable<void> {
        const auto other = digest_of(as_bytes("other")).to_string();
        const auto layer = digest_of(n.layer).to_string();
        const struct {
            std::string path;
            int status;
            const char* code;
        } cases[] = {
            {"/v2/nothere/manifests/latest", 404, "NAME_UNKNOWN"},
            {"/v2/nothere/manifests/" + layer, 404, "NAME_UNKNOWN"},
            {"/v2/nothere/blobs/" + layer, 404, "NAME_UNKNOWN"},
            {"/v2/nothere/tags/list", 404, "NAME_UNKNOWN"},
            {"/v2/busybox/manifests/9", 404, "MANIFEST_UNKNOWN"},
            {"/v2/busybox/manifests/" + other, 404, "MANIFEST_UNKNOWN"},
            {"/v2/busybox/manifests/" + layer, 404, "MANIFEST_UNKNOWN"},
            {"/v2/busybox/manifests/blake3:abcd", 404, "MANIFEST_UNKNOWN"},
            {"/v2/busybox/manifests/sha256:baddigeststring", 400, "DIGEST_INVALID"},
            {"/v2/busybox/blobs/" + other, 404, "BLOB_UNKNOWN"},
            {"/v2/busybox/blobs/blake3:abcd", 404, "BLOB_UNKNOWN"},
            {"/v2/busybox/blobs/abc", 400, "DIGEST_INVALID"},
            {"/v2/Busy_Box/manifests/latest", 400, "NAME_INVALID"},
            {"/v2/" + repeated("a/", 200) + "manifests/latest", 400, "NAME_INVALID"},
            {"/v2/" + repeated("a/", 1000) + "manifests/latest", 400, "NAME_INVALID"},
            {"/v2/busybox/manifests/" + repeated("t", oci::tag_text_max + 1), 404,
             "MANIFEST_UNKNOWN"},
            {"/v2/busybox/blobs/uploads/1", 404, "BLOB_UPLOAD_UNKNOWN"},
            {"/v2/busybox", 404, "NAME_UNKNOWN"},
            {"/else", 404, "NAME_UNKNOWN"},
        };
        for (const auto& c : cases) {
            const auto r = co_await fetch(n.server, "GET", c.path);
            EXPECT_EQ(r.status, c.status) << c.path;
            EXPECT_NE(r.body.find(fmt::format(R"({{"errors":[{{"code":"{}","message":")", c.code)),
                      std::string::npos)
                << c.path << r.body;
            EXPECT_NE(r.body.find(R"("detail":{}}]})"), std::string::npos) << r.body;
            EXPECT_EQ(r.headers.value("Content-Type"), "application/json");
            EXPECT_EQ((co_await fetch(n.server, "HEAD", c.path)).status, c.status);
        }
    });
}

TEST(pull_service, refuses_pushes) {
    with_node([](node& n) -> awaitable<void> {
        for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
            const auto r = co_await fetch(n.server, method, "/v2/busybox/blobs/uploads/");
            EXPECT_EQ(r.status, 405);
            EXPECT_NE(r.body.find("UNSUPPORTED"), std::string::npos);
            EXPECT_EQ(r.headers.value("Allow"), "GET, HEAD");
        }
    });
}

TEST(pull_service, serves_blobs_whole_and_in_ranges) {
    with_node([](node& n) -> awaitable<void> {
        const auto path = n.blob_path(digest_of(n.layer));
        const auto text = as_chars(n.layer);
        auto r = co_await fetch(n.server, "GET", path);
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.body, text);
        EXPECT_EQ(r.headers.value("Accept-Ranges"), "bytes");
        EXPECT_EQ(r.headers.value("Content-Type"), "application/octet-stream");
        EXPECT_EQ(r.headers.value("Docker-Content-Digest"), digest_of(n.layer).to_string());
        r = co_await fetch(n.server, "HEAD", path);
        EXPECT_EQ(r.headers.value("Content-Length"), "2048");

        const struct {
            const char* range;
            int status;
            std::string content_range;
            std::string_view body;
        } cases[] = {
            {"bytes=500-1499", 206, "bytes 500-1499/2048", text.substr(500, 1000)},
            {"bytes=500-", 206, "bytes 500-2047/2048", text.substr(500)},
            {"bytes=-500", 206, "bytes 1548-2047/2048", text.substr(1548)},
            {"bytes=2000-5000", 206, "bytes 2000-2047/2048", text.substr(2000)},
            {"bytes=0-", 206, "bytes 0-2047/2048", text},
            {"lines=0-1", 200, "", text},
        };
        for (const auto& c : cases) {
            r = co_await fetch(n.server, "GET", path, {{"Range", c.range}});
            EXPECT_EQ(r.status, c.status) << c.range;
            EXPECT_EQ(r.headers.value("Content-Range"), c.content_range);
            EXPECT_EQ(r.body, c.body) << c.range;
        }
        for (const char* bad : {"bytes=500-0", "bytes=5000-10000"}) {
            r = co_await fetch(n.server, "GET", path, {{"Range", bad}});
            EXPECT_EQ(r.status, 416) << bad;
            EXPECT_EQ(r.headers.value("Content-Range"), "bytes */2048");
            EXPECT_NE(r.body.find("\"errors\""), std::string::npos);
        }
        r = co_await fetch(n.server, "GET", path, {{"Range", "bytes=0-9,20-29"}});
        EXPECT_EQ(r.status, 400);
        r = co_await fetch(n.server, "GET", path, {{"Range", "bytes=0-9"}, {"If-Range", "\"x\""}});
        EXPECT_EQ(r.status, 200);
    });
}

TEST(pull_service, serves_the_empty_blob) {
    with_node([](node& n) -> awaitable<void> {
        co_await n.store.put(digest_of({}), {});
        const auto r = co_await fetch(n.server, "GET", n.blob_path(digest_of({})));
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.headers.value("Content-Length"), "0");
    });
}

TEST(pull_service, lists_tags_in_pages) {
    with_node([](node& n) -> awaitable<void> {
        auto r = co_await fetch(n.server, "GET", "/v2/busybox/tags/list");
        EXPECT_EQ(r.body, R"({"name":"busybox","tags":["1.35.0","latest","v2"]})"
                          "\n");
        r = co_await fetch(n.server, "GET", "/v2/busybox/tags/list?n=2");
        EXPECT_NE(r.body.find(R"(["1.35.0","latest"])"), std::string::npos);
        EXPECT_EQ(r.headers.value("Link"),
                  R"(</v2/busybox/tags/list?n=2&last=latest>; rel="next")");
        r = co_await fetch(n.server, "GET", "/v2/busybox/tags/list?n=2&last=latest");
        EXPECT_NE(r.body.find(R"(["v2"])"), std::string::npos);
        EXPECT_FALSE(r.headers.find("Link"));
        r = co_await fetch(n.server, "GET", "/v2/busybox/tags/list?n=0");
        EXPECT_NE(r.body.find(R"("tags":[])"), std::string::npos);
        EXPECT_FALSE(r.headers.find("Link"));
    });
}

namespace {

/// Hands in the bytes up to `to`.
awaitable<void> feed(store::arrival& a, byte_view data, std::size_t to) {
    while (a.received() < to) {
        const auto at = a.received();
        if (!a.write(data.subspan(at, std::min<std::size_t>(to - at, 50'000))))
            co_await a.ready();
    }
}

/// A blob request under way, over a pipe.
struct download {
    static awaitable<download> start(node& n, std::string path, server::header_list headers = {}) {
        headers.add("Connection", "close");
        auto [client, service] = aio::memory_pipe(co_await asio::this_coro::executor);
        n.server.serve(std::move(service));
        co_await client->write(as_bytes(server::request_text("GET", path, headers)));
        co_return download{std::move(client), {}};
    }

    awaitable<void> read_body(std::size_t bytes_min) {
        std::array<std::byte, 65536> buffer;
        for (;;) {
            const auto head = text.find("\r\n\r\n");
            if (head != std::string::npos && text.size() - head - 4 >= bytes_min)
                co_return;
            const auto got = co_await client->read_some(buffer);
            if (got == 0)
                co_return;
            text += as_chars(byte_view(buffer).first(got));
        }
    }

    awaitable<server::reply> rest() {
        co_await read_body(std::string::npos / 2);
        co_return server::parse_reply(text);
    }

    std::unique_ptr<aio::byte_stream> client;
    std::string text;
};

constexpr std::size_t big_size = 1'000'000;
constexpr std::size_t half_size = 600'000;
/// Whole leaves of the first half.
constexpr std::size_t half_leaves = 2 * 262'144;

}  // namespace

TEST(pull_service, streams_a_blob_while_it_arrives) {
    with_node([](node& n) -> awaitable<void> {
        const auto data = random_bytes(big_size);
        const auto d = digest_of(data);
        auto lease = co_await n.store.receive(d, big_size);
        co_await feed(**lease, data, half_size);
        auto whole = co_await download::start(n, n.blob_path(d));
        auto resumed = co_await download::start(n, n.blob_path(d), {{"Range", "bytes=300000-"}});
        auto early = co_await download::start(n, n.blob_path(d), {{"Range", "bytes=0-99"}});
        co_await whole.read_body(half_leaves);
        EXPECT_EQ((co_await early.rest()).body, as_chars(data).substr(0, 100));
        const auto head = co_await fetch(n.server, "HEAD", n.blob_path(d));
        EXPECT_EQ(head.headers.value("Content-Length"), "1000000");
        EXPECT_EQ(n.waiting.at(d), half_leaves);

        co_await feed(**lease, data, big_size);
        co_await whole.read_body(big_size - 1);
        EXPECT_FALSE(server::parse_reply(whole.text).complete);  // not verified yet
        co_await n.store.finish(*lease);
        EXPECT_EQ((co_await whole.rest()).body, as_chars(data));
        const auto part = co_await resumed.rest();
        EXPECT_EQ(part.status, 206);
        EXPECT_EQ(part.body, as_chars(data).substr(300'000));
    });
}

TEST(pull_service, cuts_a_blob_that_turns_out_wrong) {
    with_node([](node& n) -> awaitable<void> {
        const auto data = random_bytes(big_size);
        const auto d = digest_of(as_bytes("something else"));
        auto lease = co_await n.store.receive(d, big_size);
        auto client = co_await download::start(n, n.blob_path(d));
        co_await feed(**lease, data, half_size);
        co_await client.read_body(half_leaves);
        co_await feed(**lease, data, big_size);
        std::error_code failed;
        try {
            co_await n.store.finish(*lease);
        } catch (const failure& e) {
            failed = e.code();
        }
        EXPECT_EQ(failed, store::errc::wrong_digest);
        const auto r = co_await client.rest();
        EXPECT_EQ(r.status, 200);
        EXPECT_FALSE(r.complete);
        EXPECT_LT(r.body.size(), big_size);
    });
}

TEST(pull_service, goes_on_with_the_next_source_when_one_breaks) {
    with_node([](node& n) -> awaitable<void> {
        n.names.expecting = true;
        const auto data = random_bytes(big_size);
        const auto d = digest_of(data);
        auto client = co_await download::start(n, n.blob_path(d));
        {
            auto first = co_await n.store.receive(d, big_size);
            n.names.changed.notify_all();
            co_await feed(**first, data, half_size);
            co_await client.read_body(half_leaves);
        }
        auto second = co_await n.store.receive(d, big_size);
        n.names.changed.notify_all();
        co_await feed(**second, data, big_size);
        co_await n.store.finish(*second);
        const auto r = co_await client.rest();
        EXPECT_TRUE(r.complete);
        EXPECT_EQ(r.body, as_chars(data));
    });
}

TEST(pull_service, cuts_a_blob_whose_import_is_given_up) {
    with_node([](node& n) -> awaitable<void> {
        const auto data = random_bytes(big_size);
        const auto d = digest_of(data);
        std::optional<store::arrival_lease> lease(co_await n.store.receive(d, big_size));
        co_await feed(**lease, data, half_size);
        auto client = co_await download::start(n, n.blob_path(d));
        co_await client.read_body(half_leaves);
        lease.reset();
        EXPECT_FALSE((co_await client.rest()).complete);
    });
}

TEST(parse_route, reads_from_the_right_end) {
    using enum route::kind;
    using list = std::vector<std::string>;
    const auto parse = [](const list& segments) { return parse_route(segments); };
    EXPECT_EQ(parse({""}), (route{base, "", ""}));
    EXPECT_EQ(parse({}), (route{base, "", ""}));
    EXPECT_EQ(parse({"a", "manifests", "t"}), (route{manifest, "a", "t"}));
    EXPECT_EQ(parse({"manifests", "blobs", "manifests", "t"}),
              (route{manifest, "manifests/blobs", "t"}));
    EXPECT_EQ(parse({"blobs", "uploads", "blobs", "d"}), (route{blob, "blobs/uploads", "d"}));
    EXPECT_EQ(parse({"a", "b", "tags", "list"}), (route{tags, "a/b", ""}));
    EXPECT_EQ(parse({"a", "blobs", "uploads", ""}), (route{upload, "a", ""}));
    EXPECT_EQ(parse({"a", "blobs", "uploads", "1"}), (route{upload, "a", "1"}));
    EXPECT_EQ(parse({"a", "blobs", "uploads"}), (route{upload, "a", ""}));
    EXPECT_EQ(parse({"a", "referrers", "d"}), (route{referrers, "a", "d"}));
    for (const auto& none :
         {list{"a"}, list{"manifests", "t"}, list{"", "manifests", "t"}, list{"a", "manifests", ""},
          list{"a/b", "manifests", "t"}, list{"a", "", "manifests", "t"}, list{"a", "tags", "x"}})
        EXPECT_FALSE(parse(none));
}

TEST(pull_service, fetches_what_a_client_of_a_mirror_wants) {
    with_node([](node& n) -> awaitable<void> {
        const auto data = random_bytes(1000);
        const auto text = fmt::format(
            R"({{"schemaVersion":2,"mediaType":"{0}","config":{{"mediaType":"{1}","size":1000,"digest":"{2}"}},"layers":[]}})",
            oci::media_type::docker_manifest, oci::media_type::docker_config,
            digest_of(data).to_string());
        n.names.upstream["1"] = {digest_of(as_bytes(text))};
        n.names.source = "upstream";
        std::size_t fetches = 0;
        n.names.fetch = [&](digest what) -> awaitable<bool> {
            ++fetches;
            if (what == digest_of(as_bytes(text)))
                co_await n.store.put(what, as_bytes(text));
            else if (what == digest_of(data))
                co_await n.store.put(what, data);
            else
                co_return false;
            co_return true;
        };
        for (const char* source : {"upstream", "store"}) {
            const auto r = co_await fetch(n.server, "GET", "/v2/ghcr.io/a/b/manifests/1");
            EXPECT_EQ(r.status, 200);
            EXPECT_EQ(r.body, text);
            EXPECT_EQ(r.headers.value("X-Distromash-Source"), source);
        }
        const auto path = fmt::format("/v2/a/b/blobs/{}?ns=ghcr.io", digest_of(data).to_string());
        EXPECT_EQ((co_await fetch(n.server, "GET", path)).body, as_chars(data));
        EXPECT_EQ(fetches, 2u);
        const auto none = digest_of(as_bytes("none")).to_string();
        EXPECT_EQ((co_await fetch(n.server, "GET", "/v2/ghcr.io/a/b/blobs/" + none)).status, 404);
        EXPECT_EQ((co_await fetch(n.server, "GET", "/v2/ghcr.io/a/b/manifests/" + none)).status,
                  404);
        // Nobody said that this is an image of Docker Hub.
        EXPECT_EQ((co_await fetch(n.server, "GET", "/v2/team/app/manifests/1")).status, 404);
    });
}

TEST(pull_service, says_when_upstream_could_not_be_asked) {
    with_node([](node& n) -> awaitable<void> {
        n.names.upstream["1"] = {digest_of(as_bytes(n.manifest)), {}, true};
        const auto r = co_await fetch(n.server, "GET", "/v2/ghcr.io/a/b/manifests/1");
        EXPECT_EQ(r.status, 200);
        EXPECT_TRUE(r.headers.value("Warning").starts_with("110 - "));
        EXPECT_EQ(r.headers.value("X-Distromash-Source"), "store");
    });
}

TEST(pull_service, as_a_mirror_takes_names_without_a_host_for_docker_hubs) {
    using enum reach;
    const auto a = understand_as_mirror({route::kind::blob, "team/app", {}}, "");
    EXPECT_EQ(a.name, oci::name_form(oci::repository_name{"docker.io", "team/app"}));
    EXPECT_EQ(a.how, upstream);
    EXPECT_FALSE(a.repository);
    EXPECT_EQ(understand_as_mirror({route::kind::blob, "mesh/app", {}}, "").name,
              oci::name_form(oci::repository_name{"docker.io", "mesh/app"}));
    EXPECT_EQ(understand_as_mirror({route::kind::blob, "ghcr.io/a/b", {}}, "").name,
              oci::name_form(oci::repository_name{"ghcr.io", "a/b"}));
    EXPECT_EQ(understand({route::kind::blob, "library/busybox", {}}, "").how, upstream);
    EXPECT_EQ(understand({route::kind::blob, "busybox", {}}, "").how, known);
    EXPECT_EQ(understand({route::kind::blob, "mesh/app", {}}, "").how, known);
}
