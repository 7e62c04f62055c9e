#include "http/server/host_guard.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "http/server/router.hpp"
#include "http/server/test_client.hpp"

using namespace dm;
using namespace dm::server;

namespace {

/// The status that a guarded server gives to one request.
int status_of_request(std::string method, header_list headers, std::string body = {},
                      std::string target = "/") {
    int status = 0;
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        const host_guard guard({"Node7.example", "10.0.0.7"});
        router r;
        r.add_guard([&](const request& req) { return guard.check(req); });
        for (const char* m : {"GET", "POST", "DELETE"})
            r.add(m, "/", [](request&, response_writer& out) -> awaitable<void> {
                co_await out.send(200, {}, "");
            });
        http_server server(ex, workers, r.as_handler());
        status = (co_await fetch(server, method, target, headers, body)).status;
        co_await server.stop();
    });
    return status;
}

}  // namespace

TEST(host_guard, knows_its_own_names_whatever_the_port) {
    for (const char* host :
         {"localhost", "LOCALHOST:3000", "127.0.0.1:9999", "127.0.0.2", "[::1]:3000",
          "docker.local:5005", "node7.EXAMPLE:3000", "10.0.0.7", "localhost.", "api.localhost"})
        EXPECT_EQ(status_of_request("GET", {{"Host", host}}), 200) << host;
    for (const char* host : {"evil.example", "10.0.0.8", "localhost.evil.example", "",
                             "127.0.0.1.evil.example", "localhost:x", "evil.example@localhost"})
        EXPECT_EQ(status_of_request("GET", {{"Host", host}}), 403) << host;
}

TEST(host_guard, goes_by_the_authority_of_an_absolute_target) {
    EXPECT_EQ(status_of_request("GET", {{"Host", "localhost"}}, "", "http://evil.example/"), 403);
    EXPECT_EQ(status_of_request("GET", {{"Host", "evil.example"}}, "", "http://localhost/"), 200);
}

TEST(host_guard, refuses_requests_of_foreign_pages) {
    EXPECT_EQ(status_of_request("GET", {{"Origin", "http://evil.example"}}), 403);
    EXPECT_EQ(status_of_request("DELETE", {{"Origin", "null"}}), 403);
    EXPECT_EQ(status_of_request("DELETE", {{"Origin", "http://localhost:8080"}}), 200);
    EXPECT_EQ(status_of_request("DELETE", {{"Sec-Fetch-Site", "cross-site"}}), 403);
    EXPECT_EQ(status_of_request("DELETE", {{"Sec-Fetch-Site", "same-origin"}}), 200);
    EXPECT_EQ(status_of_request("GET", {{"Sec-Fetch-Site", "cross-site"}}), 200);
    EXPECT_EQ(status_of_request("GET", {{"Origin", "http://localhost"}, {"Origin", "http://x.y"}}),
              403);
}

TEST(host_guard, wants_json_in_bodies) {
    EXPECT_EQ(status_of_request("POST", {{"Content-Type", "application/json"}}, "{}"), 200);
    EXPECT_EQ(
        status_of_request("POST", {{"Content-Type", "Application/JSON; charset=utf-8"}}, "{}"),
        200);
    EXPECT_EQ(status_of_request("POST", {}, ""), 200);
    EXPECT_EQ(status_of_request("POST", {}, "{}"), 415);
    EXPECT_EQ(status_of_request("POST", {{"Content-Type", "text/plain"}}, "{}"), 415);
    EXPECT_EQ(
        status_of_request("POST", {{"Content-Type", "application/x-www-form-urlencoded"}}, "a=b"),
        415);
}
