#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/rest_api.hpp"
#include "content/bitswap/driver_store.hpp"
#include "control/agent/agent_world_for_test.hpp"
#include "http/server/test_client.hpp"
#include "libp2p/host/memory_host.hpp"
#include "mesh/trust/driver_table.hpp"

namespace dm::api::testing {

/// What an answer said.
struct answer {
    int status = 0;
    nlohmann::json body;
    server::header_list headers;
    std::string text;
};

/// A node in memory and its API over a pipe.
class world : public agent::testing::world {
  public:
    explicit world(executor ex)
        : agent::testing::world(ex),
          others(ex, network, self()),
          blocks(content),
          exchange(ex, workers, others, blocks),
          records(ex, workers, shared, identity, folder / "trust.db", {.roots = {self()}}),
          api(ex, node(), shared, records, content, others, exchange,
              {.platform = platform(), .version = "1.2.3", .host_names = {}}),
          http(ex, workers, api.handler(), server_options()) {
        records.start();
        api.start();
    }

    awaitable<answer> ask(std::string method, std::string target, std::string body = {},
                          server::header_list headers = {}) {
        if (!body.empty())
            headers.add("Content-Type", "application/json");
        auto reply = co_await server::fetch(http, std::move(method), std::move(target),
                                            std::move(headers), std::move(body));
        EXPECT_TRUE(reply.complete);
        co_return answer{reply.status, nlohmann::json::parse(reply.body, nullptr, false),
                         std::move(reply.headers), std::move(reply.body)};
    }

    /// Until `condition` of what a GET gives holds; the state it then had.
    awaitable<nlohmann::json> until(std::string target,
                                    std::function<bool(const nlohmann::json&)> condition) {
        aio::event changed(co_await asio::this_coro::executor);
        bool fresh = false;
        const auto watching = node().watch([&](const agent::notice&) {
            fresh = true;
            changed.notify_all();
        });
        for (;;) {
            fresh = false;
            auto got = co_await ask("GET", target);
            if (condition(got.body))
                co_return std::move(got.body);
            while (!fresh)
                co_await changed.wait();
        }
    }

    awaitable<void> stop() {
        co_await http.stop();
        co_await api.stop();
        co_await records.stop();
        co_await exchange.stop();
        co_await others.stop();
        co_await agent::testing::world::stop();
    }

    host::memory_network network;
    host::memory_host others;
    bitswap::store_blocks blocks;
    bitswap::exchange exchange;
    crypto::private_key identity =
        crypto::private_key::from_seed(std::array<std::byte, crypto::ed25519_seed_size>{});
    trust::signed_table records;
    rest_api api;
    server::http_server http;
};

/// Runs a test on a node with its API; `body` is a coroutine function of (world&).
template <class Body>
void in_world(Body body) {
    agent::testing::in_world<world>(std::move(body));
}

/// An error answer with everything it has to have.
inline void expect_problem(const answer& a, int status, std::string_view words = {}) {
    EXPECT_EQ(a.status, status) << a.text;
    EXPECT_EQ(a.headers.value("Content-Type"), "application/json");
    ASSERT_TRUE(a.body.is_object()) << a.text;
    EXPECT_EQ(a.body.value("error", false), true);
    EXPECT_FALSE(a.body.value("code", "").empty());
    EXPECT_NE(a.body.value("msg", "").find(words), std::string::npos) << a.text;
}

}  // namespace dm::api::testing
