#pragma once

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "libp2p/host/host.hpp"

namespace dm::host {

/// The code that an operation fails with; none when it succeeds.
inline awaitable<std::error_code> code_of(awaitable<void> op) {
    try {
        co_await std::move(op);
    } catch (const std::system_error& e) {
        co_return e.code();
    }
    co_return std::error_code{};
}

/// Reads to the end of a stream.
inline awaitable<std::string> read_all(aio::byte_stream& from) {
    std::string out;
    std::array<char, 4096> buffer;
    while (const auto n = co_await from.read_some(std::as_writable_bytes(std::span{buffer})))
        out.append(buffer.data(), n);
    co_return out;
}

inline awaitable<void> discard(awaitable<opened> op) {
    co_await std::move(op);
}

/// A handler that sends back what it gets, and throws when it gets "throw".
inline awaitable<void> echo(inbound in) {
    const auto text = co_await read_all(*in.channel);
    if (text == "throw")
        raise(aio::errc::closed);
    co_await in.channel->write(as_bytes(text));
}

/// What every host does, shown on two that know nothing of each other yet. `b` listens.
inline awaitable<void> check_host(host& a, host& b) {
    std::vector<std::string> seen;
    aio::event changed(co_await asio::this_coro::executor);
    const auto note = [&](const char* who) {
        return [&seen, &changed, who](const peer_event& e) {
            using enum peer_event::kind;
            seen.push_back(std::string(who) + (e.what == connected      ? " connected"
                                               : e.what == disconnected ? " disconnected"
                                                                        : " identified"));
            changed.notify_all();
        };
    };
    const auto at_a = a.events().add(note("a"));
    const auto at_b = b.events().add(note("b"));
    const auto until = [&](std::string what, std::ptrdiff_t times) -> awaitable<void> {
        while (std::ranges::count(seen, what) < times)
            co_await changed.wait();
    };
    b.handle("/echo/1", echo);

    EXPECT_EQ(co_await code_of(a.connect(b.self(), {})), errc::no_address);
    EXPECT_EQ(co_await code_of(a.connect(a.self(), b.addresses())), errc::is_self);
    a.add_addresses(b.self(), b.addresses(), permanent_address);
    EXPECT_EQ(a.addresses_of(b.self()).size(), b.addresses().size());
    EXPECT_EQ(co_await code_of(discard(a.open(b.self(), {"/other/1"}))), errc::protocol_refused);

    {
        auto [channel, protocol] = co_await a.open(b.self(), {"/other/1", "/echo/1"});
        EXPECT_EQ(protocol, "/echo/1");
        co_await channel->write(as_bytes("hello"));
        channel->shutdown_write();
        EXPECT_EQ(co_await read_all(*channel), "hello");
    }
    co_await until("a identified", 1);
    co_await until("b identified", 1);
    EXPECT_LT(std::ranges::find(seen, "a connected"), std::ranges::find(seen, "a identified"));
    EXPECT_TRUE(a.find(b.self()).has_value());
    EXPECT_EQ(b.peers().size(), 1u);
    EXPECT_TRUE(a.find(b.self())->speaks("/echo/1"));
    b.handle("/late/1", echo);
    while (!a.find(b.self())->speaks("/late/1"))
        co_await changed.wait();

    {
        auto [channel, protocol] = co_await a.open(b.self(), {"/echo/1"});
        co_await channel->write(as_bytes("throw"));
        channel->shutdown_write();
        std::error_code code;
        try {
            co_await read_all(*channel);
        } catch (const failure& e) {
            code = e.code();
        }
        EXPECT_EQ(code, errc::stream_reset);
    }
    {
        auto [channel, protocol] = co_await a.open(b.self(), {"/echo/1"});
        b.disconnect(a.self());
        std::error_code code;
        try {
            co_await read_all(*channel);
        } catch (const failure& e) {
            code = e.code();
        }
        EXPECT_EQ(code, errc::connection_lost);
    }
    co_await until("a disconnected", 1);
    co_await until("b disconnected", 1);
    EXPECT_FALSE(a.find(b.self()).has_value());

    co_await a.connect(b.self(), {});
    a.ban(b.self(), "test", std::chrono::hours(1));
    co_await until("b disconnected", 2);
    EXPECT_EQ(co_await code_of(a.connect(b.self(), b.addresses())), errc::banned);
    a.ban(b.self(), "for a shorter time", std::chrono::seconds(0));
    EXPECT_EQ(co_await code_of(a.connect(b.self(), b.addresses())), errc::banned);
    a.unban(b.self());
    co_await a.connect(b.self(), b.addresses());
}

}  // namespace dm::host
