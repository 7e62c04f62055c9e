#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "aio/byte_stream_conformance.hpp"
#include "aio/pool.hpp"
#include "aio/run_for_test.hpp"
#include "aio/task_group.hpp"
#include "aio/tcp.hpp"

using namespace dm;
using namespace std::chrono_literals;

TEST(task_group, cancels_and_joins_what_it_spawned) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::task_group group(ex);
        aio::event never(ex);
        int ended = 0;
        for (int i = 0; i < 3; ++i)
            group.spawn("waiter", [](aio::event& e, int& n) -> awaitable<void> {
                struct count {
                    int& n;
                    ~count() { ++n; }
                } at_end{n};
                for (;;)
                    co_await e.wait();
            }(never, ended));
        co_await asio::post(ex, use_awaitable);
        EXPECT_EQ(ended, 0);
        co_await group.stop();
        EXPECT_EQ(ended, 3);
        EXPECT_EQ(group.size(), 0u);
    });
}

TEST(task_group, survives_a_task_that_throws) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::task_group group(ex);
        group.spawn("thrower", []() -> awaitable<void> {
            raise(aio::errc::closed);
            co_return;
        }());
        co_await group.join();
        EXPECT_EQ(group.size(), 0u);
    });
}

TEST(with_timeout, cancels_the_operation_and_says_timed_out) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::event never(ex);
        std::error_code seen;
        try {
            co_await aio::with_timeout(never.wait(), 1ms);
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, aio::errc::timed_out);
    });
}

TEST(with_timeout, hands_on_the_result_or_the_exception) {
    aio::run_coroutine([](executor) -> awaitable<void> {
        const int value = co_await aio::with_timeout([]() -> awaitable<int> { co_return 7; }(), 1h);
        EXPECT_EQ(value, 7);
        std::error_code seen;
        try {
            co_await aio::with_timeout(
                []() -> awaitable<void> {
                    raise(aio::errc::closed);
                    co_return;
                }(),
                1h);
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, aio::errc::closed);
    });
}

TEST(all_of, throws_the_first_failure_after_all_have_ended) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::event never(ex);
        bool other_ended = false;
        std::vector<awaitable<void>> works;
        works.push_back([](aio::event& e, bool& ended) -> awaitable<void> {
            struct at_end {
                bool& flag;
                ~at_end() { flag = true; }
            } mark{ended};
            co_await e.wait();
        }(never, other_ended));
        works.push_back([]() -> awaitable<void> {
            co_await aio::sleep_for(1ms);
            raise(aio::errc::closed);
        }());
        std::error_code seen;
        try {
            co_await aio::all_of(std::move(works));
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, aio::errc::closed);
        EXPECT_TRUE(other_ended);
    });
}

TEST(beside, ends_the_helper_when_the_work_ends_or_is_cancelled) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::event never(ex);
        bool helper_ended = false;
        const auto helper = [](aio::event& e, bool& ended) -> awaitable<void> {
            struct at_end {
                bool& flag;
                ~at_end() { flag = true; }
            } mark{ended};
            for (;;)
                co_await e.wait();
        };
        co_await aio::beside(aio::sleep_for(1ms), helper(never, helper_ended));
        EXPECT_TRUE(helper_ended);

        helper_ended = false;
        std::error_code seen;
        try {
            co_await aio::with_timeout(aio::beside(aio::sleep_for(1h), helper(never, helper_ended)),
                                       1ms);
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, aio::errc::timed_out);
        EXPECT_TRUE(helper_ended);
    });
}

TEST(pool, runs_elsewhere_and_resumes_here) {
    aio::run_coroutine([](executor) -> awaitable<void> {
        aio::pool workers(1);
        const auto here = std::this_thread::get_id();
        const auto there = co_await workers.run([] { return std::this_thread::get_id(); });
        EXPECT_NE(there, here);
        EXPECT_EQ(std::this_thread::get_id(), here);
        bool thrown = false;
        try {
            co_await workers.run([] { raise(aio::errc::closed); });
        } catch (const failure& e) {
            thrown = e.code() == aio::errc::closed;
        }
        EXPECT_TRUE(thrown);
    });
}

TEST(limiter, lets_only_so_many_in) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::limiter gate(ex, 2);
        aio::task_group group(ex);
        int inside = 0;
        int most = 0;
        for (int i = 0; i < 8; ++i)
            group.spawn("guest", [](aio::limiter& g, int& in, int& max) -> awaitable<void> {
                const auto permit = co_await g.acquire();
                max = std::max(max, ++in);
                co_await aio::sleep_for(1ms);
                --in;
            }(gate, inside, most));
        co_await group.join();
        EXPECT_EQ(most, 2);
    });
}

namespace {

awaitable<std::pair<std::unique_ptr<aio::byte_stream>, std::unique_ptr<aio::byte_stream>>> tcp_pair(
    executor ex, aio::pool& workers) {
    auto acceptor = aio::listen(ex, *aio::parse_endpoint("127.0.0.1:0"));
    asio::ip::tcp::socket client(ex);
    client.connect(acceptor.local_endpoint());
    auto server = co_await acceptor.async_accept(use_awaitable);
    co_return std::pair{aio::tcp_stream(std::move(client), workers),
                        aio::tcp_stream(std::move(server), workers)};
}

}  // namespace

TEST(memory_pipe, is_a_byte_stream) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        auto [a, b] = aio::memory_pipe(ex, 100);
        co_await aio::check_byte_stream(*a, *b);
    });
}

TEST(tcp_stream, is_a_byte_stream) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        auto [a, b] = co_await tcp_pair(ex, workers);
        co_await aio::check_byte_stream(*a, *b);
    });
}

TEST(parse_endpoint, takes_addresses_and_refuses_the_rest) {
    EXPECT_EQ(aio::to_string(*aio::parse_endpoint("127.0.0.1:3000")), "127.0.0.1:3000");
    EXPECT_EQ(aio::to_string(*aio::parse_endpoint("[::1]:0")), "[::1]:0");
    EXPECT_EQ(aio::to_string(*aio::parse_endpoint("localhost:80")), "127.0.0.1:80");
    for (const char* bad : {"", ":1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "::1:80", "name:80"})
        EXPECT_FALSE(aio::parse_endpoint(bad)) << bad;
}
