// A link with a long delay: what a stream makes of it.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "libp2p/host/host_for_test.hpp"

using namespace dm;
using namespace std::chrono_literals;

namespace {

using asio::ip::tcp;

/// Passes bytes on after a delay, however many are on the way.
class delayed_direction {
  public:
    delayed_direction(executor ex, tcp::socket& from, tcp::socket& to, steady_time::duration delay)
        : from_(from), to_(to), delay_(delay), changed_(std::move(ex)) {}

    awaitable<void> receive() {
        bytes buffer(256 * 1024);
        for (;;) {
            const auto n = co_await from_.async_read_some(asio::buffer(buffer), use_awaitable);
            way_.push_back(
                {std::chrono::steady_clock::now() + delay_, to_bytes(byte_view(buffer).first(n))});
            changed_.notify_all();
        }
    }

    awaitable<void> send() {
        asio::steady_timer due(co_await asio::this_coro::executor);
        for (;;) {
            while (way_.empty())
                co_await changed_.wait();
            due.expires_at(way_.front().first);
            co_await due.async_wait(use_awaitable);
            const auto data = std::move(way_.front().second);
            way_.pop_front();
            co_await asio::async_write(to_, asio::buffer(data), use_awaitable);
        }
    }

  private:
    tcp::socket& from_;
    tcp::socket& to_;
    steady_time::duration delay_;
    std::deque<std::pair<steady_time, bytes>> way_;
    aio::event changed_;
};

/// One connection to `target` through a delay, for whoever connects to the acceptor.
awaitable<void> relay(tcp::acceptor* at, tcp::endpoint target, steady_time::duration delay) {
    const auto ex = co_await asio::this_coro::executor;
    auto near = co_await at->async_accept(use_awaitable);
    tcp::socket far(ex);
    co_await far.async_connect(target, use_awaitable);
    for (auto* s : {&near, &far})
        s->set_option(tcp::no_delay(true));
    delayed_direction there(ex, near, far, delay);
    delayed_direction back(ex, far, near, delay);
    std::vector<awaitable<void>> works;
    works.push_back(there.receive());
    works.push_back(there.send());
    works.push_back(back.receive());
    works.push_back(back.send());
    try {
        co_await aio::all_of(std::move(works));
    } catch (const boost::system::system_error& e) {
        if (aio::is_cancelled(e))
            throw;  // else an end has closed
    }
}

}  // namespace

TEST(long_link, is_filled_by_windows_that_grow) {
    host::with_fleet([](host::fleet& f) -> awaitable<void> {
        // 30 MB in windows that stay at 256 KiB would take 12 s over 100 ms of round trip.
        constexpr std::size_t size = 30 << 20;
        auto& a = f.add();
        auto& b = f.add();
        b.handle("/zeros/1", [](host::inbound in) -> awaitable<void> {
            const bytes piece(1 << 20);
            for (std::size_t sent = 0; sent < size; sent += piece.size())
                co_await in.channel->write(piece);
        });
        auto acceptor = aio::listen(f.executor_, *aio::parse_endpoint("127.0.0.1:0"));
        aio::task_group relays(f.executor_);
        relays.spawn("relay", relay(&acceptor, *host::to_endpoint(b.addresses().at(0)), 50ms));
        co_await a.connect(b.self(), {host::to_multiaddr(acceptor.local_endpoint())});
        const auto start = std::chrono::steady_clock::now();
        {
            auto [channel, protocol] = co_await a.open(b.self(), {"/zeros/1"});
            EXPECT_EQ((co_await host::read_all(*channel)).size(), size);
        }
        EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
        EXPECT_GE(a.find(b.self())->round_trip.value_or(0ms), 100ms);
        a.disconnect(b.self());
        co_await relays.stop();
    });
}
