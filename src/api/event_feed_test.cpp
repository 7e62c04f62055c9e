#include "api/event_feed.hpp"

#include "api/api_world_for_test.hpp"
#include "api/event_data.hpp"

using namespace dm;
using namespace dm::api::testing;

namespace {

/// A client of the feed that reads as bytes come.
struct listener {
    std::unique_ptr<aio::byte_stream> stream;
    std::string text;

    static awaitable<listener> of(world& w, server::header_list headers = {}) {
        auto [client, service] = aio::memory_pipe(co_await asio::this_coro::executor, 1 << 20);
        w.http.serve(std::move(service));
        co_await client->write(
            as_bytes(server::request_text("GET", "/api/v1/event", std::move(headers))));
        co_return listener{std::move(client), {}};
    }

    std::string last_id() const {
        const auto from = text.rfind("\nid: ") + 5;
        return text.substr(from, text.find('\n', from) - from);
    }

    awaitable<void> until(std::string_view words) {
        std::array<std::byte, 4096> buffer{};
        while (!text.contains(words)) {
            const auto n = co_await stream->read_some(buffer);
            if (n == 0)
                throw std::runtime_error("the stream ended before it said " + std::string(words));
            text += as_chars(byte_view(buffer).first(n));
        }
    }
};

}  // namespace

TEST(api_event, begins_with_sync_and_tells_of_changes) {
    in_world([](world& w) -> awaitable<void> {
        auto client = co_await listener::of(w);
        co_await client.until("event: sync");
        EXPECT_TRUE(client.text.contains("text/event-stream"));
        co_await w.ask("POST", "/api/v1/crdt", R"({"key":"watched","value":"1"})");
        co_await client.until("\"watched\"");
        EXPECT_TRUE(client.text.contains("event: crdt\n"));
        EXPECT_TRUE(client.text.contains("\nid: "));
    });
}

TEST(api_event, tells_a_client_that_comes_back_what_it_missed) {
    in_world([](world& w) -> awaitable<void> {
        auto client = co_await listener::of(w);
        co_await w.ask("POST", "/api/v1/crdt", R"({"key":"seen","value":"1"})");
        co_await client.until("\"seen\"");
        const server::header_list where{{"Last-Event-ID", client.last_id()}};
        client.stream->close();
        for (const char* key : {"first", "second"})
            co_await w.ask("POST", "/api/v1/crdt",
                           fmt::format(R"({{"key":"{}","value":"1"}})", key));
        auto again = co_await listener::of(w, where);
        co_await again.until("\"second\"");
        EXPECT_TRUE(again.text.contains("\"first\""));
        EXPECT_FALSE(again.text.contains("\"seen\""));
        EXPECT_FALSE(again.text.contains("event: sync"));
    });
}

TEST(api_event, starts_afresh_with_a_client_of_an_earlier_run) {
    in_world([](world& w) -> awaitable<void> {
        for (const char* id : {"1", "0", "99999999999999999", "x"}) {
            auto client = co_await listener::of(w, {{"Last-Event-ID", id}});
            co_await client.until("event: sync");
        }
    });
}

TEST(api_event, tells_of_more_than_it_keeps_by_asking_clients_to_start_afresh) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        world w(ex);
        api::event_feed feed(ex, w.node(), std::chrono::milliseconds(1));
        server::router routes;
        api::add_event_route(routes, feed);
        server::http_server http(ex, w.workers, routes.as_handler());
        auto [stream, service] = aio::memory_pipe(ex, 1 << 20);
        http.serve(std::move(service));
        co_await stream->write(as_bytes(server::request_text("GET", "/api/v1/event")));
        listener client{std::move(stream), {}};
        co_await client.until("event: sync");
        const auto id = client.last_id();
        for (std::size_t i = 0; i <= api::events_pending_max; ++i)
            feed.add("crdt", fmt::format("key {}", i), "{}");
        client.text.clear();
        co_await client.until("event: sync");
        EXPECT_FALSE(client.text.contains("event: crdt"));
        EXPECT_GT(client.last_id(), id);
        co_await http.stop();
        co_await w.stop();
    });
}

TEST(api_event, tells_how_things_are_now) {
    in_world([](world& w) -> awaitable<void> {
        auto client = co_await listener::of(w);
        co_await client.until("event: sync");
        co_await w.ask("POST", "/api/v1/crdt", R"({"key":"x","value":"1"})");
        co_await client.until("\"x\"");
        api::event_data now(w.node());
        const auto self = nlohmann::json::parse(now.with_state("node", R"({"engine":"ready"})"));
        EXPECT_EQ(self["engine"], "ready");
        EXPECT_EQ(self["node"]["self"], true);
        for (const char* unknown :
             {R"({"id":"none"})", R"({"peer":"none"})", R"({"digest":"none"})", "{}", "[]", "none"})
            for (const char* type : {"strategy", "image", "transfer", "crdt"})
                EXPECT_EQ(now.with_state(type, unknown), unknown);
        EXPECT_EQ(now.with_state("node", R"({"peer":"none"})"), R"({"peer":"none"})");
        EXPECT_TRUE(api::strategies_moved_by(w.node(), R"({"id":"none"})").empty());
    });
}

TEST(api_event, tells_several_changes_of_one_thing_as_the_last) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        world w(ex);
        api::event_feed feed(ex, w.node(), std::chrono::milliseconds(20));
        server::router routes;
        api::add_event_route(routes, feed);
        server::http_server http(ex, w.workers, routes.as_handler());
        feed.start();
        auto [stream, service] = aio::memory_pipe(ex, 1 << 20);
        http.serve(std::move(service));
        co_await stream->write(as_bytes(server::request_text("GET", "/api/v1/event")));
        listener client{std::move(stream), {}};
        co_await client.until("event: sync");
        feed.add("transfer", "t1", "first");
        for (int i = 0; i < 1000; ++i)
            feed.add("transfer", "t1", fmt::format("step {}", i));
        feed.add("transfer", "t2", "of another");
        co_await client.until("of another");
        co_await client.until("step 999");
        EXPECT_FALSE(client.text.contains("step 998"));
        co_await feed.stop();
        co_await http.stop();
        co_await w.stop();
    });
}

TEST(api_event, drops_a_client_that_does_not_read) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        world w(ex);
        api::event_feed feed(ex, w.node(), std::chrono::milliseconds(1));
        server::router routes;
        api::add_event_route(routes, feed);
        server::http_server http(ex, w.workers, routes.as_handler());
        feed.start();
        auto [stream, service] = aio::memory_pipe(ex, 1024);
        http.serve(std::move(service));
        co_await stream->write(as_bytes(server::request_text("GET", "/api/v1/event")));
        listener client{std::move(stream), {}};
        co_await client.until("event: sync");  // and nothing is read from here on
        for (int i = 0; http.connections() > 0; ++i) {
            feed.add("crdt", fmt::format("key {}", i), std::string(500, 'x'));
            if (i % 16 == 0)
                co_await aio::sleep_for(std::chrono::milliseconds(1));
        }
        co_await feed.stop();
        co_await http.stop();
        co_await w.stop();
    });
}

TEST(api_event, has_a_limited_number_of_clients) {
    in_world([](world& w) -> awaitable<void> {
        std::vector<listener> clients;
        for (std::size_t i = 0; i < api::event_clients_max; ++i) {
            clients.push_back(co_await listener::of(w));
            co_await clients.back().until("event: sync");
        }
        expect_problem(co_await w.ask("GET", "/api/v1/event"), 503);
    });
}
