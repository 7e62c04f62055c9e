#include "api/assets/mount.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "http/server/test_client.hpp"

using namespace dm;
using server::fetch;

namespace {

template <class Check>
void with_swagger(Check check) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        server::router routes;
        assets::mount(routes, "/swagger", assets::swagger());
        server::http_server s(ex, workers, routes.as_handler());
        co_await check(s);
        co_await s.stop();
    });
}

}  // namespace

TEST(swagger, is_a_page_that_runs_only_scripts_of_this_server) {
    with_swagger([](server::http_server& s) -> awaitable<void> {
        for (const char* path : {"/swagger/", "/swagger/index.html"}) {
            const auto page = co_await fetch(s, "GET", path);
            EXPECT_EQ(page.status, 200);
            EXPECT_EQ(page.headers.value("Content-Type"), "text/html; charset=utf-8");
            EXPECT_NE(page.headers.value("Content-Security-Policy").find("script-src 'self';"),
                      std::string::npos);
            EXPECT_EQ(page.body.find("<script>"), std::string::npos);
            EXPECT_NE(page.body.find("openapi.yaml"), std::string::npos);
        }
        const auto moved = co_await fetch(s, "GET", "/swagger");
        EXPECT_EQ(moved.status, 308);
        EXPECT_EQ(moved.headers.value("Location"), "/swagger/");
        EXPECT_EQ((co_await fetch(s, "GET", "/swagger/none.js")).status, 404);
    });
}

TEST(swagger, serves_all_that_its_page_loads) {
    with_swagger([](server::http_server& s) -> awaitable<void> {
        for (const auto& a : assets::swagger()) {
            const auto r = co_await fetch(s, "GET", "/swagger/" + std::string(a.path));
            EXPECT_EQ(r.status, 200) << a.path;
            EXPECT_EQ(r.body, a.data);
            EXPECT_EQ(r.headers.value("Content-Encoding"), a.gzip ? "gzip" : "");
            const auto again = co_await fetch(s, "GET", "/swagger/" + std::string(a.path),
                                              {{"If-None-Match", std::string(a.etag)}});
            EXPECT_EQ(again.status, 304);
        }
        const auto page = (co_await fetch(s, "GET", "/swagger/")).body;
        for (std::size_t at = page.find("src=\""); at != std::string::npos;
             at = page.find("src=\"", at + 1)) {
            const auto from = at + 5;
            const auto file = page.substr(from, page.find('"', from) - from);
            EXPECT_EQ((co_await fetch(s, "GET", "/swagger/" + file)).status, 200) << file;
        }
    });
}

TEST(swagger, has_the_description_as_yaml_and_json) {
    with_swagger([](server::http_server& s) -> awaitable<void> {
        EXPECT_TRUE(
            (co_await fetch(s, "GET", "/swagger/openapi.yaml")).body.starts_with("openapi"));
        const auto json = co_await fetch(s, "GET", "/swagger/openapi.json");
        EXPECT_TRUE(json.body.starts_with(R"({"openapi": "3.1)"));
        EXPECT_EQ(json.headers.value("Content-Type"), "application/json");
    });
}

TEST(app, is_served_at_each_of_its_pages) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        server::router routes;
        constexpr std::string_view pages[] = {"/strategy"};
        assets::mount_app(routes, assets::app(), pages);
        server::http_server s(ex, workers, routes.as_handler());
        const auto start = co_await fetch(s, "GET", "/");
        EXPECT_EQ(start.status, 200);
        EXPECT_EQ(start.headers.value("Cache-Control"), "no-cache");
        EXPECT_NE(start.headers.value("Content-Security-Policy").find("script-src 'self';"),
                  std::string::npos);
        EXPECT_NE(start.headers.value("Content-Security-Policy").find("require-trusted-types-for"),
                  std::string::npos);
        EXPECT_EQ(start.body.find("<script>"), std::string::npos);
        for (const char* path : {"/strategy", "/strategy/busybox%3A1.35.0", "/strategy/a/b"})
            EXPECT_EQ((co_await fetch(s, "GET", path)).body, start.body) << path;
        for (const char* path : {"/strategies", "/none", "/assets/none.js", "/assets/"})
            EXPECT_EQ((co_await fetch(s, "GET", path)).status, 404) << path;
        for (const auto& a : assets::app()) {
            const auto r = co_await fetch(s, "GET", "/" + std::string(a.path));
            EXPECT_EQ(r.status, 200) << a.path;
            EXPECT_EQ(r.headers.value("Cache-Control").find("immutable") != std::string::npos,
                      a.path.starts_with("assets/"))
                << a.path;
        }
        co_await s.stop();
    });
}

TEST(all_pages, are_less_than_a_megabyte) {
    std::size_t size = 0;
    for (const auto table : {assets::app(), assets::swagger()})
        for (const auto& a : table)
            size += a.data.size();
    EXPECT_LT(size, 1'000'000u);
}
