// One stream between two hosts in two processes over TCP on loopback: bytes a second, and what it
// costs both of them. stream_throughput [MEGABYTES] [pnet]
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <cstring>

#include "libp2p/host/tcp_host.hpp"

using namespace dm;

namespace {

constexpr const char* protocol = "/bench/1";
constexpr std::size_t piece_bytes = 256 * 1024;

crypto::private_key key_of(int n) {
    std::array<std::byte, 32> seed{};
    seed[0] = static_cast<std::byte>(n);
    return crypto::private_key::from_seed(seed);
}

double cpu_seconds(int who) {
    rusage u{};
    ::getrusage(who, &u);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(u.ru_utime) + seconds(u.ru_stime);
}

/// Sends what it is asked for: a number in decimal, then the end.
awaitable<void> serve(host::inbound in) {
    std::array<char, 32> text{};
    std::size_t have = 0;
    while (const auto n = co_await in.channel->read_some(
               std::as_writable_bytes(std::span{text}).subspan(have)))
        have += n;
    auto left = std::strtoull(text.data(), nullptr, 10);
    const bytes piece(piece_bytes, std::byte{7});
    while (left > 0) {
        const auto n = std::min<std::uint64_t>(left, piece.size());
        co_await in.channel->write(byte_view(piece).first(n));
        left -= n;
    }
    in.channel->shutdown_write();
}

awaitable<void> fetch(host::tcp_host* me, multiformats::multiaddr from, std::uint64_t size) {
    const multiformats::peer_id peer(key_of(1).public_key());
    co_await me->connect(peer, {from});
    auto [channel, spoken] = co_await me->open(peer, {protocol});
    const auto start = std::chrono::steady_clock::now();
    const auto text = std::to_string(size);
    co_await channel->write(as_bytes(text));
    channel->shutdown_write();
    bytes buffer(piece_bytes);
    std::uint64_t got = 0;
    while (const auto n = co_await channel->read_some(buffer))
        got += n;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print("{} bytes in {:.3f} s: {:.0f} MB/s\n", got, took.count(),
               static_cast<double>(got) / took.count() / 1e6);
    std::exit(got == size ? 0 : 1);
}

host::tcp_host_options options(bool with_key) {
    host::tcp_host_options out;
    if (with_key)
        out.network.emplace();
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    const auto size = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000) * 1'000'000;
    const bool with_key = argc > 2 && std::strcmp(argv[2], "pnet") == 0;
    int ready[2];
    if (::pipe(ready) != 0)
        return 1;
    asio::io_context loop(1);
    aio::pool workers(1);
    const auto child = ::fork();
    if (child == 0) {
        asio::io_context own(1);
        aio::pool own_workers(1);
        host::tcp_host me(own.get_executor(), own_workers, key_of(1), options(with_key));
        me.listen(multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/0").value());
        me.handle(protocol, serve);
        me.start();
        const auto text = me.addresses().at(0).to_string();
        if (::write(ready[1], text.data(), text.size()) < 0)
            return 1;
        ::close(ready[1]);
        ::close(ready[0]);
        bool connected = false;
        const auto told = me.events().add([&](const host::peer_event& e) {
            if (e.what == host::peer_event::kind::disconnected && connected) {
                fmt::print(stderr, "server: {:.2f} CPU s\n", cpu_seconds(RUSAGE_SELF));
                std::_Exit(0);
            }
            connected = true;
        });
        own.run();
        return 0;
    }
    ::close(ready[1]);
    std::array<char, 200> text{};
    if (::read(ready[0], text.data(), text.size() - 1) <= 0)
        return 1;
    std::atexit([] {
        const auto own = cpu_seconds(RUSAGE_SELF);
        fmt::print(stderr, "client: {:.2f} CPU s\n", own);
    });
    auto* const me = new host::tcp_host(loop.get_executor(), workers, key_of(2), options(with_key));
    me->start();
    asio::co_spawn(
        loop, fetch(me, multiformats::parse_multiaddr(std::string_view(text.data())).value(), size),
        [](const std::exception_ptr& e) {
            if (e)
                std::rethrow_exception(e);
        });
    loop.run();
}
