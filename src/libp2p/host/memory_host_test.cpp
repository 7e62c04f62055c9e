#include "libp2p/host/memory_host.hpp"
#include "aio/run_for_test.hpp"
#include "libp2p/host/host_conformance.hpp"

using namespace dm;

namespace {

host::peer_id random_peer() {
    return host::peer_id(crypto::private_key::generate().public_key());
}

}  // namespace

TEST(memory_host, is_a_host) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        host::memory_host a(ex, network, random_peer());
        host::memory_host b(ex, network, random_peer());
        co_await host::check_host(a, b);
        co_await a.stop();
        co_await b.stop();
    });
}

TEST(memory_host, streams_of_one_host_share_its_link) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        constexpr std::uint64_t rate = 10'000'000;
        host::memory_network network(rate);
        host::memory_host a(ex, network, random_peer());
        host::memory_host b(ex, network, random_peer());
        std::uint64_t received = 0;
        b.handle("/sink", [&](host::inbound in) -> awaitable<void> {
            bytes buffer(65'536);
            while (const auto n = co_await in.channel->read_some(buffer))
                received += n;
        });
        co_await a.connect(b.self(), b.addresses());
        const bytes data(rate / 10);
        const auto send = [&]() -> awaitable<void> {
            const auto out = co_await a.open(b.self(), {"/sink"});
            co_await out.channel->write(data);
        };
        const auto begun = std::chrono::steady_clock::now();
        co_await aio::all_of([&] {
            std::vector<awaitable<void>> both;
            both.push_back(send());
            both.push_back(send());
            return both;
        }());
        // Two tenths of a second, less what may go out in a burst: it cannot be faster.
        EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(170));
        EXPECT_GT(received, data.size());
        co_await a.stop();
        co_await b.stop();
    });
}
