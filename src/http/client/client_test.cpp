#include "http/client/client.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "aio/event.hpp"
#include "aio/run_for_test.hpp"
#include "http/client/scripted_server.hpp"

using namespace dm;
using namespace dm::http;
using namespace dm::http::testing;
using namespace std::chrono_literals;

namespace {

/// A client on the loop of one coroutine, and the means to give up on it.
struct bench {
    explicit bench(const executor& ex, client_options options = {})
        : loop(ex), http(ex, std::move(options)) {}

    awaitable<void> stop(scripted_server& server) { return stop_both(this, &server); }
    static awaitable<void> stop_both(bench* self, scripted_server* server) {
        co_await self->http.stop();
        co_await server->stop();
    }
    executor loop;
    client http;
};

awaitable<error> failure_of(awaitable<response> op) {
    try {
        co_await std::move(op);
    } catch (const failure& e) {
        co_return e.reason();
    }
    co_return error{};
}

/// Counts and pauses; checks that nothing comes while it pauses.
class slow_sink final : public body_sink {
  public:
    slow_sink(executor ex, std::size_t pause_after)
        : changed(std::move(ex)), pause_after_(pause_after) {}

    void on_head(const response_head& head, flow_control f) override {
        status = head.status;
        flow = f;
    }
    bool on_body(byte_view piece) override {
        EXPECT_FALSE(paused);
        EXPECT_LE(piece.size(), 16384u);
        for (const auto b : piece)
            in_order = in_order && to_u8(b) == static_cast<std::uint8_t>('a' + bytes++ % 26);
        taken_ += piece.size();
        if (taken_ < pause_after_)
            return true;
        taken_ = 0;
        paused = true;
        ++pauses;
        changed.notify_all();
        return false;
    }
    void go_on() {
        paused = false;
        flow.resume();
    }

    int status = 0;
    flow_control flow;
    std::uint64_t bytes = 0;
    bool in_order = true;
    bool paused = false;
    int pauses = 0;
    aio::event changed;

  private:
    std::size_t pause_after_;
    std::size_t taken_ = 0;
};

std::string alphabet(std::size_t rounds) {
    std::string out;
    for (std::size_t i = 0; i < rounds; ++i)
        out += "abcdefghijklmnopqrstuvwxyz";
    return out;
}

}  // namespace

TEST(client, fetches_with_method_headers_and_body) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) {
            return answer(201, {{"X-Seen", r.header_or("X-Own", "?")}}, r.method + r.body);
        });
        bench b(ex);
        const auto got = co_await b.http.fetch({.method = "PUT",
                                                .url = server.url("/a/../b?c=d"),
                                                .headers = {{"X-Own", "1"}, {"X-Empty", ""}},
                                                .body = "body"});
        EXPECT_EQ(got.head.status, 201);
        EXPECT_EQ(got.body, "PUTbody");
        EXPECT_EQ(*got.head.find("x-seen"), "1");
        const auto& seen = server.requests.at(0);
        EXPECT_EQ(seen.target, "/a/../b?c=d");
        EXPECT_EQ(seen.header_or("User-Agent", ""), "distromash");
        for (const char* name : {"Content-Type", "Expect", "Accept-Encoding"})
            EXPECT_EQ(seen.header_or(name, "none"), "none") << name;
        const auto empty = co_await b.http.fetch({.method = "POST", .url = server.url("/")});
        EXPECT_EQ(empty.body, "POST");
        EXPECT_EQ(server.requests.at(1).header_or("Content-Length", "none"), "0");
        co_await b.stop(server);
    });
}

TEST(client, reads_chunked_answers_and_reuses_the_connection) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) {
            return reply{{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"},
                          {"lo\r\n3;x=y\r\n, w\r\n", 1, 5ms},
                          {"0\r\nX-Trailer: t\r\n\r\n"}}};
        });
        bench b(ex);
        for (int i = 0; i < 3; ++i) {
            const auto got = co_await b.http.fetch({.url = server.url("/")});
            EXPECT_EQ(got.body, "hello, w");
            EXPECT_EQ(got.head.find("X-Trailer"), nullptr);
        }
        EXPECT_EQ(server.connections, 1);
        co_await b.stop(server);
    });
}

TEST(client, closes_idle_connections_after_a_while) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) { return answer(200, {}, "x"); });
        bench b(ex, {.idle_timeout = 30ms});
        co_await b.http.fetch({.url = server.url("/")});
        EXPECT_EQ(server.open_connections, 1);
        co_await server.until_all_left();
        co_await b.http.fetch({.url = server.url("/")});
        EXPECT_EQ(server.connections, 2);
        co_await b.stop(server);
    });
}

TEST(client, talks_over_a_unix_socket) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        const auto path = (std::filesystem::temp_directory_path() /
                           fmt::format("dm-http-client-{}.sock", ::getpid()))
                              .string();
        std::filesystem::remove(path);
        scripted_server server(ex, path, [](const seen_request& r) {
            return answer(200, {}, r.target + r.header_or("Host", ""));
        });
        bench b(ex);
        const auto got = co_await b.http.fetch({.url = "http://docker/_ping", .unix_socket = path});
        EXPECT_EQ(got.body, "/_pingdocker");
        co_await b.stop(server);
        std::filesystem::remove(path);

        client other(ex);
        const auto why =
            co_await failure_of(other.fetch({.url = "http://docker/_ping", .unix_socket = path}));
        EXPECT_EQ(why.code, errc::connect_failed) << why.message();
        EXPECT_TRUE(why.message().starts_with(path)) << why.message();
        co_await other.stop();
    });
}

TEST(client, refuses_a_body_over_the_limit_early) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) {
            if (r.target == "/announced")
                return reply{{{"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"}},
                             reply::end::hang};
            return reply{{{"HTTP/1.1 200 OK\r\n\r\n"}, {std::string(100'000, 'x'), 1'000'000}},
                         reply::end::close};
        });
        bench b(ex);
        for (const char* target : {"/announced", "/endless"}) {
            const auto why = co_await failure_of(
                b.http.fetch({.url = server.url(target), .body_bytes_max = 10'000}));
            EXPECT_EQ(why.code, errc::body_too_large) << target;
            EXPECT_TRUE(why.message().contains(server.authority())) << why.message();
        }
        const auto exact = co_await b.http.fetch(
            {.method = "HEAD", .url = server.url("/announced"), .body_bytes_max = 10});
        EXPECT_EQ(exact.head.content_length(), 100'000'000u);
        co_await b.stop(server);
    });
}

TEST(client, tells_a_connection_closed_early) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) {
            std::string bytes;
            if (r.target == "/length")
                bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
            if (r.target == "/chunked")
                bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n12345";
            return reply{{{bytes}}, reply::end::close};
        });
        bench b(ex);
        for (const char* target : {"/length", "/chunked", "/nothing"}) {
            const auto why = co_await failure_of(b.http.fetch({.url = server.url(target)}));
            EXPECT_EQ(why.code, errc::closed_early) << target << ": " << why.message();
        }
        co_await b.stop(server);
    });
}

TEST(client, refuses_what_is_no_http) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) {
            if (r.target == "/large")
                return reply{
                    {{"HTTP/1.1 200 OK\r\n"}, {"X: " + std::string(1000, 'x') + "\r\n", 100}}};
            return reply{{{"SSH-2.0-OpenSSH\r\n\r\n"}}, reply::end::close};
        });
        bench b(ex);
        for (const char* target : {"/ssh", "/large"}) {
            const auto why = co_await failure_of(b.http.fetch({.url = server.url(target)}));
            EXPECT_EQ(why.code, errc::malformed_answer) << target << ": " << why.message();
        }
        const auto tls = co_await failure_of(b.http.fetch(
            {.url = fmt::format("https://{}/", server.authority()), .total_timeout = 200ms}));
        EXPECT_FALSE(tls.message().empty());
        co_await b.stop(server);
    });
}

TEST(client, refuses_requests_that_could_smuggle) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex);
        for (const auto& h : {header{"X", "1\r\nY: 2"}, header{"X\nY", "1"}, header{"", "1"},
                              header{"X: y", "1"}}) {
            const auto why =
                co_await failure_of(b.http.fetch({.url = "http://127.0.0.1:1/", .headers = {h}}));
            EXPECT_EQ(why.code, errc::malformed_request);
        }
        for (const char* url : {"ftp://127.0.0.1/", "http://a b/", "http://127.0.0.1/a b", ""}) {
            const auto why = co_await failure_of(b.http.fetch({.url = url}));
            EXPECT_EQ(why.code, errc::malformed_request) << url;
        }
        co_await b.http.stop();
    });
}

TEST(client, names_the_host_that_cannot_be_reached) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        asio::ip::tcp::acceptor a(ex, {asio::ip::address_v4::loopback(), 0});
        const auto authority = fmt::format("127.0.0.1:{}", a.local_endpoint().port());
        a.close();
        bench b(ex);
        const auto refused =
            co_await failure_of(b.http.fetch({.url = fmt::format("http://{}/", authority)}));
        EXPECT_EQ(refused.code, errc::connect_failed);
        EXPECT_TRUE(refused.message().starts_with(authority + " refuses connections"))
            << refused.message();
        const auto unknown = co_await failure_of(b.http.fetch({.url = "http://no-such.invalid/"}));
        EXPECT_EQ(unknown.code, errc::resolve_failed) << unknown.message();
        EXPECT_TRUE(unknown.message().starts_with("no-such.invalid")) << unknown.message();
        co_await b.http.stop();
    });
}

TEST(client, gives_up_on_silence_and_on_trickles) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) {
            if (r.target == "/silent")
                return reply{{}, reply::end::hang};
            return reply{{{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"},
                          {"x", 1, 20ms},
                          {"x", 1, 20ms},
                          {"x", 1, 20ms},
                          {"x", 1, 20ms},
                          {"x", 1, 20ms},
                          {"x", 1, 20ms},
                          {"x", 1, 20ms},
                          {"x", 1, 20ms}},
                         reply::end::hang};
        });
        bench b(ex);
        for (const char* target : {"/silent", "/trickle"}) {
            const auto why = co_await failure_of(b.http.fetch({.url = server.url(target),
                                                               .stall_timeout = 80ms,
                                                               .stall_bytes_per_second = 1000}));
            EXPECT_EQ(why.code, errc::stalled) << target << ": " << why.message();
        }
        const auto why = co_await failure_of(
            b.http.fetch({.url = server.url("/silent"), .total_timeout = 30ms}));
        EXPECT_EQ(why.code, errc::timed_out) << why.message();
        co_await b.stop(server);
    });
}

TEST(client, pauses_for_a_slow_sink_and_loses_nothing) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        constexpr std::size_t rounds = 3000;
        scripted_server server(ex, [](const seen_request& r) {
            const auto length = rounds * 26 * 100;
            if (r.target == "/chunked")
                return reply{{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
                              {fmt::format("{:x}\r\n{}\r\n", rounds * 26, alphabet(rounds)), 100},
                              {"0\r\n\r\n"}}};
            return reply{{{fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", length)},
                          {alphabet(rounds), 100}}};
        });
        bench b(ex);
        for (const char* target : {"/length", "/chunked"})
            for (const std::size_t pause_after : {std::size_t{1}, std::size_t{300'000}}) {
                slow_sink sink(ex, pause_after);
                aio::task_group consumer(ex);
                consumer.spawn("consumer", [](slow_sink* s) -> awaitable<void> {
                    for (;;) {
                        while (!s->paused)
                            co_await s->changed.wait();
                        if (s->pauses % 10 == 0)
                            co_await aio::sleep_for(2ms);
                        s->go_on();
                    }
                }(&sink));
                // Shorter than the pauses together: our own pauses are no stall.
                const auto head = co_await b.http.stream(
                    {.url = server.url(target), .stall_timeout = 200ms}, sink);
                EXPECT_EQ(head.status, 200);
                EXPECT_EQ(sink.bytes, rounds * 26 * 100);
                EXPECT_TRUE(sink.in_order);
                EXPECT_GT(sink.pauses, 10);
                co_await consumer.stop();
            }
        co_await b.stop(server);
    });
}

TEST(client, holds_the_sender_back_while_paused) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        static constexpr std::uint64_t size = 64u << 20;
        scripted_server server(ex, [](const seen_request&) {
            return reply{{{fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", size)},
                          {alphabet(4096), size / alphabet(4096).size() + 1}},
                         reply::end::close};
        });
        bench b(ex);
        slow_sink sink(ex, 1);
        aio::task_group group(ex);
        group.spawn("download", [](client* http, std::string url, slow_sink* s) -> awaitable<void> {
            co_await http->stream({.url = std::move(url), .stall_timeout = 150ms}, *s);
        }(&b.http, server.url("/"), &sink));
        while (!sink.paused)
            co_await sink.changed.wait();
        co_await aio::sleep_for(400ms);  // longer than the stall limit: it must not fail either
        EXPECT_LE(sink.bytes, 16384u);
        EXPECT_LE(server.sent_bytes, 16u << 20);  // what both kernels' buffers hold
        EXPECT_EQ(group.size(), 1u);
        co_await group.stop();
        sink.go_on();  // the transfer is over: no effect
        co_await b.stop(server);
    });
}

TEST(client, ends_a_cancelled_request_at_once) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) { return reply{{}, reply::end::hang}; });
        bench b(ex);
        bool timed_out = false;
        try {
            co_await aio::with_timeout(b.http.fetch({.url = server.url("/")}), 20ms);
        } catch (const failure& e) {
            timed_out = e.code() == aio::errc::timed_out;
        }
        EXPECT_TRUE(timed_out);
        co_await server.until_all_left();
        co_await b.stop(server);
    });
}

TEST(client, ends_all_requests_when_stopped) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) { return reply{{}, reply::end::hang}; });
        bench b(ex);
        aio::task_group group(ex);
        int stopped = 0;
        for (int i = 0; i < 3; ++i)
            group.spawn("request", [](client* http, std::string url, int* n) -> awaitable<void> {
                const auto why = co_await failure_of(http->fetch({.url = std::move(url)}));
                *n += why.code == errc::stopped ? 1 : 0;
            }(&b.http, server.url("/"), &stopped));
        co_await server.until([&] { return server.open_connections == 3; });
        co_await b.http.stop();
        co_await group.join();
        EXPECT_EQ(stopped, 3);
        EXPECT_EQ((co_await failure_of(b.http.fetch({.url = server.url("/")}))).code,
                  errc::stopped);
        co_await server.stop();
    });
}

TEST(client, brings_a_sinks_exception_to_the_caller) {
    struct thrower final : body_sink {
        void on_head(const response_head&, flow_control) override {
            if (!in_body)
                raise(errc::body_too_large, "head");
        }
        bool on_body(byte_view) override { raise(errc::body_too_large, "body"); }
        bool in_body = false;
    };
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) { return answer(200, {}, "x"); });
        bench b(ex);
        for (const bool in_body : {false, true}) {
            thrower sink;
            sink.in_body = in_body;
            std::string seen;
            try {
                co_await b.http.stream({.url = server.url("/")}, sink);
            } catch (const failure& e) {
                seen = e.what();
            }
            EXPECT_EQ(seen, in_body ? "body" : "head");
        }
        co_await b.stop(server);
    });
}

TEST(client, waits_in_line_for_a_connection_without_stalling) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request&) {
            auto slow = answer(200, {}, "x");
            slow.steps[0].wait_before = 100ms;
            return slow;
        });
        bench b(ex, {.connections_per_host_max = 2});
        aio::task_group group(ex);
        int done = 0;
        for (int i = 0; i < 8; ++i)
            group.spawn("request", [](client* http, std::string url, int* n) -> awaitable<void> {
                co_await http->fetch({.url = std::move(url), .stall_timeout = 250ms});
                ++*n;
            }(&b.http, server.url("/"), &done));
        co_await group.join();
        EXPECT_EQ(done, 8);
        EXPECT_EQ(server.connections, 2);
        co_await b.stop(server);
    });
}

TEST(client, can_be_used_from_within_a_sink) {
    struct nested final : body_sink {
        nested(client& c, std::string u, const executor& ex)
            : http(c), url(std::move(u)), group(ex) {}
        void on_head(const response_head&, flow_control) override {
            group.spawn("inner", [](client* c, std::string u, std::string* out) -> awaitable<void> {
                *out = (co_await c->fetch({.url = std::move(u)})).body;
            }(&http, url, &inner));
        }
        bool on_body(byte_view) override { return true; }
        client& http;
        std::string url;
        std::string inner;
        aio::task_group group;
    };
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server server(ex, [](const seen_request& r) { return answer(200, {}, r.target); });
        bench b(ex);
        nested sink(b.http, server.url("/inner"), ex);
        co_await b.http.stream({.url = server.url("/outer")}, sink);
        co_await sink.group.join();
        EXPECT_EQ(sink.inner, "/inner");
        co_await b.stop(server);
    });
}

TEST(client, takes_the_proxy_of_the_environment_but_never_for_loopback) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server proxy(ex, [](const seen_request& r) { return answer(200, {}, r.target); });
        scripted_server server(ex, [](const seen_request&) { return answer(200, {}, "direct"); });
        ::setenv("http_proxy", proxy.url("").c_str(), 1);
        ::setenv("no_proxy", "near.invalid,192.0.2.0/24", 1);
        bench b(ex);
        EXPECT_EQ((co_await b.http.fetch({.url = "http://far.invalid/x"})).body,
                  "http://far.invalid/x");
        EXPECT_EQ((co_await b.http.fetch({.url = server.url("/")})).body, "direct");
        EXPECT_EQ(
            (co_await b.http.fetch({.url = fmt::format("http://localhost:{}/", server.port())}))
                .body,
            "direct");
        const auto near = co_await failure_of(b.http.fetch({.url = "http://near.invalid/"}));
        EXPECT_EQ(near.code, errc::resolve_failed) << near.message();
        ::unsetenv("http_proxy");
        ::unsetenv("no_proxy");
        co_await b.stop(server);
        co_await proxy.stop();
    });
}
