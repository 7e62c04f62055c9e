// Limits of the whole node, on real connections.
#include "libp2p/host/host_for_test.hpp"
#include "libp2p/host/ping.hpp"

using namespace dm;
using namespace std::chrono_literals;
using host::fleet;
using host::tcp_host;
using host::with_fleet;

namespace {

constexpr std::uint64_t rate = 4'000'000;

void serve_zeros(tcp_host& at) {
    at.handle("/zeros/1", [](host::inbound in) -> awaitable<void> {
        const bytes piece(256 * 1024);
        for (;;)
            co_await in.channel->write(piece);
    });
}

/// Reads from a stream for as long as it is asked to.
awaitable<void> read_for(tcp_host* me, multiformats::peer_id from, steady_time end,
                         std::uint64_t* got) {
    auto [channel, protocol] = co_await me->open(from, {"/zeros/1"});
    bytes buffer(64 * 1024);
    while (std::chrono::steady_clock::now() < end)
        *got += co_await channel->read_some(buffer);
}

/// What some hosts get from others in two seconds, a second.
awaitable<double> measure(const std::vector<std::pair<tcp_host*, tcp_host*>>& pairs) {
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t got = 0;
    std::vector<awaitable<void>> works;
    for (const auto& [to, from] : pairs)
        works.push_back(read_for(to, from->self(), start + 2s, &got));
    co_await aio::all_of(std::move(works));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    co_return static_cast<double>(got) / took.count();
}

}  // namespace

TEST(rate_limit, holds_for_all_that_a_node_sends_and_delays_no_pings) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& origin = f.add();
        serve_zeros(origin);
        origin.limit_rates(rate, 0);
        std::vector<std::pair<tcp_host*, tcp_host*>> pairs;
        for (int i = 0; i < 3; ++i) {
            pairs.emplace_back(&f.add(), &origin);
            co_await pairs.back().first->connect(origin.self(), origin.addresses());
        }
        const auto got = co_await measure(pairs);
        EXPECT_NEAR(got, static_cast<double>(rate), rate * 0.05);
        co_await pairs[0].first->open(origin.self(), {"/zeros/1"});
        EXPECT_LT(co_await host::ping(*pairs[1].first, origin.self()), 300ms);
    });
}

TEST(rate_limit, holds_for_all_that_a_node_receives_and_can_be_changed) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& sink = f.add();
        std::vector<std::pair<tcp_host*, tcp_host*>> pairs;
        for (int i = 0; i < 3; ++i) {
            auto& from = f.add();
            serve_zeros(from);
            pairs.emplace_back(&sink, &from);
            co_await sink.connect(from.self(), from.addresses());
        }
        sink.limit_rates(0, rate);
        const auto got = co_await measure(pairs);
        EXPECT_NEAR(got, static_cast<double>(rate), rate * 0.06);
        sink.limit_rates(0, 0);
        EXPECT_GT(co_await measure(pairs), 2.0 * static_cast<double>(rate));
    });
}
