#include "http/server/http_server.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "aio/run_for_test.hpp"
#include "base/metrics.hpp"
#include "http/server/router.hpp"
#include "http/server/test_client.hpp"

using namespace dm;
using namespace dm::server;
using namespace std::chrono_literals;

namespace {

/// Runs `check(server)` against a server with that handler, and stops it.
template <class Check>
void with_server(handler h, options o, Check check) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        http_server server(ex, workers, h, o);
        std::exception_ptr failed;
        try {
            co_await check(server);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await server.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

options quick() {
    options o;
    o.name = "test";
    o.linger_timeout = 50ms;
    o.stop_grace = 50ms;
    return o;
}

awaitable<void> echo(request& req, response_writer& out) {
    const auto body = co_await req.body(100);
    co_await out.send(200, {{"Content-Type", "text/plain"}},
                      fmt::format("{} {} {}", req.method(), req.where().path, as_chars(body)));
}

std::unique_ptr<aio::byte_stream> connect(executor ex, aio::pool& workers,
                                          const http_server& server) {
    asio::ip::tcp::socket socket(ex);
    socket.connect(server.bound().front());
    return aio::tcp_stream(std::move(socket), workers);
}

awaitable<std::string> read_all(aio::byte_stream& from) {
    std::string out;
    std::array<std::byte, 16384> buffer;
    while (const auto n = co_await from.read_some(buffer))
        out += as_chars(byte_view(buffer).first(n));
    co_return out;
}

}  // namespace

TEST(http_server, answers_pipelined_requests_in_order) {
    with_server(echo, quick(), [](http_server& s) -> awaitable<void> {
        std::string raw;
        for (int i = 0; i < 50; ++i)
            raw += request_text("POST", fmt::format("/{}", i), {}, "hi");
        raw += request_text("GET", "/end", {{"Connection", "close"}});
        auto all = co_await talk(s, raw);
        for (int i = 0; i < 50; ++i) {
            const auto expected = fmt::format("POST /{} hi", i);
            const auto at = all.find(expected);
            EXPECT_NE(at, std::string::npos) << i;
            all.erase(0, at == std::string::npos ? 0 : at + expected.size());
        }
        EXPECT_TRUE(all.ends_with("GET /end ")) << all;
    });
}

TEST(http_server, reads_requests_that_arrive_byte_by_byte) {
    with_server(echo, quick(), [](http_server& s) -> awaitable<void> {
        const auto raw = request_text("POST", "/a", {{"Connection", "close"}}, "body");
        const auto r = parse_reply(co_await talk(s, raw, 1));
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.body, "POST /a body");
        EXPECT_EQ(r.headers.value("Connection"), "close");
    });
}

TEST(http_server, answers_head_with_headers_only) {
    const auto h = [](request&, response_writer& out) -> awaitable<void> {
        co_await out.start_stream(200, {}, 10);
        co_await out.write(as_bytes("0123456789"));
        co_await out.end();
    };
    with_server(h, quick(), [](http_server& s) -> awaitable<void> {
        const auto r = co_await fetch(s, "HEAD", "/");
        EXPECT_EQ(r.headers.value("Content-Length"), "10");
        EXPECT_EQ(r.body, "");
        EXPECT_EQ((co_await fetch(s, "GET", "/")).body, "0123456789");
    });
}

TEST(http_server, refuses_malformed_requests_with_a_reason) {
    with_server(echo, quick(), [](http_server& s) -> awaitable<void> {
        const auto r = parse_reply(co_await talk(s, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"));
        EXPECT_EQ(r.status, 400);
        EXPECT_EQ(r.body,
                  R"({"error":true,"msg":"the path has a '%' that is no escape","code":"invalid"})"
                  "\n");
        EXPECT_EQ(r.headers.value("Connection"), "close");
        EXPECT_EQ(parse_reply(co_await talk(s, "GET /" + std::string(70'000, 'x'))).status, 431);
    });
}

TEST(http_server, answers_a_tls_client_hello_at_once) {
    with_server(echo, quick(), [](http_server& s) -> awaitable<void> {
        const auto text = co_await talk(s, "\x16\x03\x01\x02");
        EXPECT_TRUE(text.starts_with("HTTP/1.1 400 Bad Request\r\n")) << text;
    });
}

TEST(http_server, refuses_a_large_body_without_reading_it) {
    with_server(echo, quick(), [](http_server& s) -> awaitable<void> {
        auto r = parse_reply(
            co_await talk(s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"));
        EXPECT_EQ(r.status, 413);
        EXPECT_EQ(r.headers.value("Connection"), "close");
        r = parse_reply(co_await talk(s,
                                      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                      "chunked\r\n\r\n65\r\n" +
                                          std::string(101, 'x') + "\r\n"));
        EXPECT_EQ(r.status, 413);
    });
}

TEST(http_server, says_continue_only_to_a_body_that_it_wants) {
    with_server(echo, quick(), [](http_server& s) -> awaitable<void> {
        const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
        auto [client, service] = aio::memory_pipe(co_await asio::this_coro::executor);
        s.serve(std::move(service));
        co_await client->write(as_bytes(head + "Content-Length: 2\r\nConnection: close\r\n\r\n"));
        std::array<std::byte, 100> buffer;
        const auto n = co_await client->read_some(buffer);
        EXPECT_EQ(as_chars(byte_view(buffer).first(n)), "HTTP/1.1 100 Continue\r\n\r\n");
        co_await client->write(as_bytes("hi"));
        EXPECT_TRUE((co_await read_all(*client)).ends_with("POST / hi"));

        const auto refused = co_await talk(s, head + "Content-Length: 200\r\n\r\n");
        EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
    });
}

TEST(http_server, skips_a_short_body_that_nobody_read) {
    const auto deaf = [](request&, response_writer& out) -> awaitable<void> {
        co_await out.send(200, {}, "ok");
    };
    with_server(deaf, quick(), [](http_server& s) -> awaitable<void> {
        const auto all = co_await talk(s, request_text("POST", "/", {}, "GET /smuggled HTTP/1.1") +
                                              request_text("GET", "/", {{"Connection", "close"}}));
        EXPECT_EQ(all.find("200 OK"), 9u);
        EXPECT_NE(all.find("200 OK", 20), std::string::npos);
        const auto longer =
            co_await talk(s, request_text("POST", "/", {}, std::string(70'000, 'x')));
        EXPECT_EQ(parse_reply(longer).headers.value("Connection"), "close");
    });
}

TEST(http_server, cuts_an_answer_that_fails_half_way) {
    const auto breaks = [](request& req, response_writer& out) -> awaitable<void> {
        if (req.where().path == "/length")
            co_await out.start_stream(200, {}, 10);
        else
            co_await out.start_stream(200, {});
        co_await out.write(as_bytes("01234"));
        if (req.where().path == "/throws")
            raise(aio::errc::end_of_stream);
    };
    with_server(breaks, quick(), [](http_server& s) -> awaitable<void> {
        for (const char* path : {"/throws", "/length", "/forgets"}) {
            const auto r = co_await fetch(s, "GET", path);
            EXPECT_EQ(r.status, 200);
            EXPECT_EQ(r.body, "01234");
            EXPECT_FALSE(r.complete) << path;
        }
    });
}

TEST(http_server, turns_exceptions_into_statuses) {
    const auto throws = [](request& req, response_writer&) -> awaitable<void> {
        if (req.where().path == "/timeout")
            raise(aio::errc::timed_out);
        if (req.where().path == "/full")
            throw std::system_error(ENOSPC, std::generic_category());
        if (req.where().path == "/cancelled")
            throw std::system_error(ECANCELED, std::generic_category());
        if (req.where().path == "/logic")
            throw std::logic_error("a bug");
        co_return;
    };
    with_server(throws, quick(), [](http_server& s) -> awaitable<void> {
        EXPECT_EQ((co_await fetch(s, "GET", "/timeout")).status, 504);
        EXPECT_EQ((co_await fetch(s, "GET", "/full")).status, 507);
        EXPECT_EQ((co_await fetch(s, "GET", "/cancelled")).status, 503);
        EXPECT_EQ((co_await fetch(s, "GET", "/logic")).status, 500);
        EXPECT_EQ((co_await fetch(s, "GET", "/silent")).status, 500);
    });
}

TEST(http_server, sends_files_over_sockets) {
    std::FILE* const file = std::tmpfile();
    const std::string content = "0123456789" + std::string(3'000'000, 'y');
    std::fwrite(content.data(), 1, content.size(), file);
    std::fflush(file);
    const auto h = [&](request& req, response_writer& out) -> awaitable<void> {
        if (req.where().path == "/whole") {
            co_await out.send_file(206, {}, ::fileno(file), 3, 2'500'000);
            co_return;
        }
        co_await out.start_stream(200, {});
        co_await out.write_file(::fileno(file), 0, 5);
        co_await out.write_file(::fileno(file), 5, 1'500'000);
        co_await out.end();
    };
    with_server(h, quick(), [](http_server& s) -> awaitable<void> {
        s.listen(*aio::parse_endpoint("127.0.0.1:0"));
        s.start();
        aio::pool workers(1);
        auto client = connect(co_await asio::this_coro::executor, workers, s);
        co_await client->write(as_bytes(request_text("GET", "/whole", {{"Connection", "close"}})));
        auto r = parse_reply(co_await read_all(*client));
        EXPECT_EQ(r.status, 206);
        EXPECT_TRUE(r.complete);
        EXPECT_EQ(r.body.substr(0, 8), "3456789y");
        r = co_await fetch(s, "GET", "/pieces");
        EXPECT_TRUE(r.complete);
        EXPECT_EQ(r.body.substr(0, 11), "0123456789y");
        EXPECT_EQ(r.body.size(), 1'500'005u);
    });
    std::fclose(file);
}

TEST(http_server, drops_clients_that_send_nothing) {
    auto o = quick();
    o.header_timeout = 20ms;
    o.idle_timeout = 30ms;
    o.body_timeout = 20ms;
    with_server(echo, o, [](http_server& s) -> awaitable<void> {
        EXPECT_EQ(co_await talk(s, ""), "");
        EXPECT_EQ(parse_reply(co_await talk(s, "GET / HT")).status, 408);
        const auto kept = co_await talk(s, request_text("GET", "/"));
        EXPECT_EQ(parse_reply(kept).status, 200);
        const auto half = parse_reply(
            co_await talk(s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"));
        EXPECT_EQ(half.status, 408);
        EXPECT_EQ(half.headers.value("Connection"), "close");
    });
}

TEST(http_server, drops_a_client_that_does_not_read) {
    bool write_failed = false;
    const auto h = [&](request&, response_writer& out) -> awaitable<void> {
        try {
            co_await out.send(200, {}, std::string(10'000, 'x'));
        } catch (const std::exception&) {
            write_failed = true;
            throw;
        }
    };
    auto o = quick();
    o.write_timeout = 20ms;
    with_server(h, o, [&](http_server& s) -> awaitable<void> {
        auto [client, service] = aio::memory_pipe(co_await asio::this_coro::executor, 1000);
        s.serve(std::move(service));
        co_await client->write(as_bytes(request_text("GET", "/")));
        while (!write_failed)
            co_await aio::sleep_for(5ms);
        EXPECT_LT((co_await read_all(*client)).size(), 10'000u);
    });
}

TEST(http_server, counts_what_it_does) {
    auto o = quick();
    o.name = "counted";
    with_server(echo, o, [](http_server& s) -> awaitable<void> {
        co_await fetch(s, "GET", "/");
        co_await talk(s, "nonsense\r\n\r\n");
    });
    const auto text = metrics::exposition();
    for (const char* line : {"distromash_http_requests_total{class=\"2xx\",server=\"counted\"} 1\n",
                             "distromash_http_requests_total{class=\"4xx\",server=\"counted\"} 1\n",
                             "distromash_http_connections{server=\"counted\"} 0\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(http_server, closes_after_so_many_requests) {
    auto o = quick();
    o.requests_per_connection_max = 3;
    with_server(echo, o, [](http_server& s) -> awaitable<void> {
        std::string raw;
        for (int i = 0; i < 5; ++i)
            raw += request_text("GET", fmt::format("/{}", i));
        const auto all = co_await talk(s, raw);
        EXPECT_NE(all.find("GET /2"), std::string::npos);
        EXPECT_EQ(all.find("GET /3"), std::string::npos);
    });
}

TEST(http_server, makes_room_by_closing_idle_connections) {
    auto o = quick();
    o.connections_max = 2;
    with_server(echo, o, [](http_server& s) -> awaitable<void> {
        s.listen(*aio::parse_endpoint("127.0.0.1:0"));
        s.start();
        const auto ex = co_await asio::this_coro::executor;
        aio::pool workers(1);
        std::vector<std::unique_ptr<aio::byte_stream>> clients;
        std::array<std::byte, 1000> buffer;
        for (int i = 0; i < 6; ++i) {
            clients.push_back(connect(ex, workers, s));
            co_await clients.back()->write(as_bytes(request_text("GET", "/")));
            EXPECT_GT(co_await clients.back()->read_some(buffer), 0u);
            EXPECT_LE(s.connections(), 2u);
        }
        EXPECT_EQ(co_await clients[0]->read_some(buffer), 0u);
    });
}

TEST(http_server, lets_running_requests_end_when_it_stops) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        aio::event begun(ex);
        aio::event go_on(ex);
        auto o = quick();
        o.stop_grace = 10s;
        http_server server(
            ex, workers,
            [&](request&, response_writer& out) -> awaitable<void> {
                begun.notify_all();
                co_await go_on.wait();
                co_await out.send(200, {}, "late");
            },
            o);
        auto [idle, idle_service] = aio::memory_pipe(ex);
        auto [busy, busy_service] = aio::memory_pipe(ex);
        server.serve(std::move(idle_service));
        server.serve(std::move(busy_service));
        co_await busy->write(as_bytes(request_text("GET", "/")));
        co_await begun.wait();
        aio::task_group group(ex);
        group.spawn("stop", server.stop());
        EXPECT_EQ(co_await read_all(*idle), "");
        go_on.notify_all();
        const auto r = parse_reply(co_await read_all(*busy));
        EXPECT_EQ(r.body, "late");
        EXPECT_EQ(r.headers.value("Connection"), "close");
        co_await group.join();
    });
}

TEST(http_server, cancels_requests_that_outlast_the_grace) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        aio::event never(ex);
        aio::event begun(ex);
        bool has_begun = false;
        bool woken = false;
        http_server server(
            ex, workers,
            [&](request& req, response_writer& out) -> awaitable<void> {
                out.on_stop([&] { woken = true; });
                has_begun = true;
                begun.notify_all();
                for (;;)
                    co_await never.wait();
                co_await out.send(200, {}, req.method());
            },
            quick());
        auto [client, service] = aio::memory_pipe(ex);
        server.serve(std::move(service));
        co_await client->write(as_bytes(request_text("GET", "/")));
        while (!has_begun)
            co_await begun.wait();
        co_await server.stop();
        EXPECT_TRUE(woken);
        EXPECT_EQ(server.connections(), 0u);
        EXPECT_EQ(co_await read_all(*client), "");
    });
}

TEST(router, picks_by_method_and_path) {
    router r;
    const auto say = [](std::string what) {
        return [what](request& req, response_writer& out) -> awaitable<void> {
            const auto key = what == "key" ? req.parameter("key") : what;
            const auto rest = what == "rest" ? req.parameter("path") : "";
            co_await out.send(200, {}, key + rest);
        };
    };
    r.add("GET", "/", say("root"));
    r.add("GET", "/strategy", say("list"));
    r.add("POST", "/strategy", say("made"));
    r.add("GET", "/strategy/fixed", say("fixed"));
    r.add("GET", "/strategy/:key", say("key"));
    r.add("DELETE", "/strategy/:key", say("key"));
    r.add("GET", "/static/*path", say("rest"));
    with_server(r.as_handler(), quick(), [](http_server& s) -> awaitable<void> {
        EXPECT_EQ((co_await fetch(s, "GET", "/")).body, "root");
        EXPECT_EQ((co_await fetch(s, "GET", "/strategy?x=1")).body, "list");
        EXPECT_EQ((co_await fetch(s, "POST", "/strategy")).body, "made");
        EXPECT_EQ((co_await fetch(s, "GET", "/strategy/fixed")).body, "fixed");
        EXPECT_EQ((co_await fetch(s, "DELETE", "/strategy/ghcr.io%2Fa%3A1")).body, "ghcr.io/a:1");
        EXPECT_EQ((co_await fetch(s, "GET", "/static/a/b.js")).body, "resta/b.js");
        EXPECT_EQ((co_await fetch(s, "HEAD", "/strategy")).status, 200);
        for (const char* nothing : {"/x", "/strategy/", "/strategy/a/b", "/static", "//"})
            EXPECT_EQ((co_await fetch(s, "GET", nothing)).status, 404) << nothing;
        const auto wrong = co_await fetch(s, "PATCH", "/strategy/a");
        EXPECT_EQ(wrong.status, 405);
        EXPECT_EQ(wrong.headers.value("Allow"), "GET, HEAD, DELETE");
    });
}

TEST(router, asks_its_guards_first) {
    router r;
    r.add_guard([](const request& req) -> result<void> {
        if (!req.headers().find("Pass"))
            return fail(errc::forbidden_origin);
        return {};
    });
    with_server(r.as_handler(), quick(), [](http_server& s) -> awaitable<void> {
        EXPECT_EQ((co_await fetch(s, "GET", "/")).status, 403);
        EXPECT_EQ((co_await fetch(s, "GET", "/", {{"Pass", ""}})).status, 404);
    });
}

TEST(problem, has_one_status_for_each_condition) {
    const auto status = [](condition c) {
        return status_of(std::error_code(static_cast<int>(c), condition_category()));
    };
    EXPECT_EQ(status_of(make_error_code(std::errc::no_such_file_or_directory)), 404);
    EXPECT_EQ(status_of(make_error_code(errc::expectation_failed)), 417);
    EXPECT_EQ(status(condition::invalid), 400);
    EXPECT_EQ(status(condition::unauthorized), 401);
    EXPECT_EQ(status(condition::conflict), 409);
    EXPECT_EQ(status(condition::unprocessable), 422);
    EXPECT_EQ(status(condition::rate_limited), 429);
    EXPECT_EQ(status(condition::unsupported), 501);
    EXPECT_EQ(status(condition::corrupt), 502);
}
