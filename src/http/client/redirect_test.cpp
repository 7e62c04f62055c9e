#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "http/client/client.hpp"
#include "http/client/scripted_server.hpp"

using namespace dm;
using namespace dm::http;
using namespace dm::http::testing;

namespace {

awaitable<error> failure_of(awaitable<response> op) {
    try {
        co_await std::move(op);
    } catch (const failure& e) {
        co_return e.reason();
    }
    co_return error{};
}

reply redirect_to(int status, std::string location) {
    return answer(status, {{"Location", std::move(location)}}, "moved");
}

}  // namespace

TEST(client_redirect, is_an_answer_like_any_other_unless_allowed) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) { return redirect_to(302, "/b"); });
        client http(ex);
        const auto got = co_await http.fetch({.url = server.url("/a")});
        EXPECT_EQ(got.head.status, 302);
        EXPECT_EQ(got.body, "moved");
        co_await http.stop();
        co_await server.stop();
    });
}

TEST(client_redirect, keeps_range_and_drops_credentials_at_another_origin) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server other(ex, [](const seen_request&) { return answer(206, {}, "there"); });
        scripted_server server(ex, [&](const seen_request& r) {
            return r.target == "/a" ? redirect_to(301, "b")
                                    : redirect_to(307, other.url("/c?sig=1"));
        });
        client http(ex);
        const auto got = co_await http.fetch({.url = server.url("/a"),
                                              .headers = {{"authorization", "Bearer secret"},
                                                          {"Cookie", "secret"},
                                                          {"Range", "bytes=5-"}},
                                              .redirects_max = 2});
        EXPECT_EQ(got.body, "there");
        EXPECT_EQ(got.head.url, other.url("/c?sig=1"));
        EXPECT_EQ(server.requests.at(1).target, "/b");
        EXPECT_EQ(server.requests.at(1).header_or("Authorization", "none"), "Bearer secret");
        EXPECT_EQ(server.connections, 1);
        EXPECT_EQ(other.requests.at(0).header_or("Authorization", "none"), "none");
        EXPECT_EQ(other.requests.at(0).header_or("Cookie", "none"), "none");
        EXPECT_EQ(other.requests.at(0).header_or("Range", "none"), "bytes=5-");
        co_await http.stop();
        co_await server.stop();
        co_await other.stop();
    });
}

TEST(client_redirect, changes_the_method_as_browsers_do) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) {
            if (r.target == "/end")
                return answer(200, {}, r.method + r.body);
            return redirect_to(std::stoi(r.target.substr(1)), "/end");
        });
        client http(ex);
        for (const auto& [status, expected] :
             {std::pair{301, "GET"}, {302, "GET"}, {303, "GET"}, {307, "POSTx"}, {308, "POSTx"}}) {
            const auto got = co_await http.fetch({.method = "POST",
                                                  .url = server.url(fmt::format("/{}", status)),
                                                  .body = "x",
                                                  .redirects_max = 1});
            EXPECT_EQ(got.body, expected) << status;
        }
        co_await http.stop();
        co_await server.stop();
    });
}

TEST(client_redirect, has_an_end) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) { return redirect_to(302, "/again"); });
        client http(ex);
        const auto why =
            co_await failure_of(http.fetch({.url = server.url("/"), .redirects_max = 3}));
        EXPECT_EQ(why.code, errc::too_many_redirects);
        EXPECT_TRUE(why.message().contains("3 redirects")) << why.message();
        EXPECT_EQ(server.requests.size(), 4u);
        co_await http.stop();
        co_await server.stop();
    });
}

TEST(client_redirect, with_an_endless_body_is_followed_all_the_same) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) {
            if (r.target == "/end")
                return answer(200, {}, "end");
            return reply{{{"HTTP/1.1 302 Found\r\nLocation: /end\r\n\r\n"},
                          {std::string(10'000, 'x'), 1'000'000}},
                         reply::end::close};
        });
        client http(ex);
        const auto got = co_await http.fetch({.url = server.url("/"), .redirects_max = 3});
        EXPECT_EQ(got.body, "end");
        co_await http.stop();
        co_await server.stop();
    });
}

TEST(client_redirect, to_something_unusable_is_an_error) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(
            ex, [](const seen_request&) { return redirect_to(302, "file:///etc/passwd"); });
        client http(ex);
        const auto why =
            co_await failure_of(http.fetch({.url = server.url("/"), .redirects_max = 3}));
        EXPECT_EQ(why.code, errc::malformed_answer) << why.message();
        co_await http.stop();
        co_await server.stop();
    });
}
