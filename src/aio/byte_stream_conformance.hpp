#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "aio/byte_stream.hpp"
#include "aio/task_group.hpp"

namespace dm::aio {

/// What every byte_stream does, shown on two connected ends.
inline awaitable<void> check_byte_stream(byte_stream& a, byte_stream& b) {
    task_group group(co_await asio::this_coro::executor);
    bytes received;
    group.spawn("reader", [](byte_stream& from, bytes& into) -> awaitable<void> {
        std::array<std::byte, 1000> buffer;
        while (const auto n = co_await from.read_some(buffer))
            into.insert(into.end(), buffer.begin(),
                        buffer.begin() + static_cast<std::ptrdiff_t>(n));
    }(b, received));

    const std::string message(5000, 'x');
    co_await a.write(as_bytes(message));

    std::FILE* const file = std::tmpfile();
    const std::string content = "0123456789" + std::string(300'000, 'y');
    std::fwrite(content.data(), 1, content.size(), file);
    std::fflush(file);
    co_await a.send_file(::fileno(file), 3, 300'000);
    bool short_file_noticed = false;
    try {
        co_await a.send_file(::fileno(file), content.size() - 1, 2);
    } catch (const failure& e) {
        short_file_noticed = e.code() == errc::end_of_stream;
    }
    std::fclose(file);
    EXPECT_TRUE(short_file_noticed);
    a.shutdown_write();
    co_await group.join();
    EXPECT_EQ(received.size(), message.size() + 300'000 + 1);
    EXPECT_EQ(as_chars(received).substr(5000, 9), "3456789yy");

    co_await b.write(as_bytes("still open"));
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(co_await a.read_some(buffer), 10u);
}

}  // namespace dm::aio
