#include "http/server/event_stream.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "http/server/test_client.hpp"

using namespace dm;
using namespace dm::server;
using namespace std::chrono_literals;

namespace {

/// A server whose every request gets an event stream.
struct feed {
    feed(executor ex, event_stream::options o)
        : opened(ex),
          server(
              ex, workers,
              [this, ex, o](request& req, response_writer& out) -> awaitable<void> {
                  last_id = last_event_id(req);
                  event_stream events(ex, out, o);
                  stream = &events;
                  opened.notify_all();
                  co_await events.run();
              },
              options{.stop_grace = 5s}) {}

    awaitable<std::unique_ptr<aio::byte_stream>> connect(std::size_t pipe_bytes,
                                                         std::string target = "/") {
        auto [client, service] = aio::memory_pipe(co_await asio::this_coro::executor, pipe_bytes);
        server.serve(std::move(service));
        co_await client->write(as_bytes(request_text("GET", target)));
        while (!stream)
            co_await opened.wait();
        co_return std::move(client);
    }

    aio::pool workers{1};
    aio::event opened;
    event_stream* stream = nullptr;
    std::optional<std::uint64_t> last_id;
    http_server server;
};

awaitable<std::string> read_until(aio::byte_stream& from, std::string_view end) {
    std::string out;
    std::array<std::byte, 4096> buffer;
    while (!out.ends_with(end)) {
        const auto n = co_await from.read_some(buffer);
        if (n == 0)
            break;
        out += as_chars(byte_view(buffer).first(n));
    }
    co_return out;
}

}  // namespace

TEST(event_stream, writes_events_as_browsers_read_them) {
    EXPECT_EQ(to_wire({7, "node", "{}"}), "id: 7\nevent: node\ndata: {}\n\n");
    EXPECT_EQ(to_wire({{}, "", "a\nb\r\nc\r"}), "data: a\ndata: b\ndata: c\ndata: \n\n");
}

TEST(event_stream, sends_what_is_queued_and_keeps_the_line_alive) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        feed f(ex, {.keep_alive = 10ms});
        auto client = co_await f.connect(4096, "/?last_event_id=41");
        EXPECT_EQ(f.last_id, 41u);
        EXPECT_TRUE(f.stream->send({42, "a", "1"}));
        EXPECT_TRUE(f.stream->send({43, "b", "2"}));
        const auto text = co_await read_until(*client, ": keep-alive\n\n\r\n");
        const auto head = parse_reply(text);
        EXPECT_EQ(head.headers.value("Content-Type"), "text/event-stream");
        EXPECT_TRUE(head.body.starts_with("retry: 2000\n\n")) << head.body;
        EXPECT_NE(head.body.find("id: 42\nevent: a\ndata: 1\n\nid: 43\n"), std::string::npos);
        co_await f.server.stop();
    });
}

TEST(event_stream, ends_with_the_server) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        feed f(ex, {});
        auto client = co_await f.connect(4096);
        co_await f.server.stop();  // within its 5 s of grace
        const auto text = co_await read_until(*client, "0\r\n\r\n");
        EXPECT_TRUE(parse_reply(text).complete);
    });
}

TEST(event_stream, drops_a_client_that_does_not_keep_up) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        feed f(ex, {.queue_max = 8});
        auto client = co_await f.connect(300);
        const std::string data(200, 'x');
        int taken = 0;
        while (f.stream->send({{}, "", data})) {
            ++taken;
            co_await asio::post(ex, use_awaitable);
            EXPECT_LT(taken, 20);
            if (taken >= 20)
                break;
        }
        EXPECT_GE(taken, 8);
        EXPECT_FALSE(parse_reply(co_await read_until(*client, "never")).complete);
        co_await f.server.stop();
    });
}
