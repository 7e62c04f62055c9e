// A host of ours as a command, for the interoperability tests: `host_tool [privateKey [swarm.key]]`
// listens on loopback, prints one line of JSON with its id and address, then answers each line of
// standard input with one line of JSON:
//     dial ADDR | ping PEER | echo PEER STREAMS BYTES | reset PEER | peers
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <cstdio>
#include <fstream>
#include <istream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "aio/timeout.hpp"
#include "libp2p/host/bootstrap.hpp"
#include "libp2p/host/ping.hpp"
#include "libp2p/host/tcp_host.hpp"

using namespace dm;
using nlohmann::json;

namespace {

constexpr const char* echo_protocol = "/test/echo/1";
constexpr const char* reset_protocol = "/test/reset/1";
constexpr std::chrono::seconds limit{60};

std::string content(const char* file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return std::move(out).str();
}

awaitable<bytes> read_all(aio::byte_stream& from) {
    bytes out;
    bytes buffer(65536);
    while (const auto n = co_await from.read_some(buffer))
        append(out, byte_view(buffer).first(n));
    co_return out;
}

awaitable<void> serve_echo(host::inbound in) {
    const auto data = co_await read_all(*in.channel);
    co_await in.channel->write(data);
}

awaitable<void> serve_reset(host::inbound in) {
    in.channel->reset();
    co_return;
}

multiformats::peer_id peer_of(const std::string& text) {
    return value_or_throw(multiformats::parse_peer_id(text));
}

/// All streams are open before the first is written.
struct gathering {
    std::size_t missing;
    aio::event all_here;
};

awaitable<void> echo_one(host::host* me, multiformats::peer_id peer, std::size_t size, char mark,
                         gathering* all) {
    auto [channel, protocol] = co_await me->open(peer, {echo_protocol});
    --all->missing;
    all->all_here.notify_all();
    while (all->missing > 0)
        co_await all->all_here.wait();
    const std::string data(size, mark);
    co_await channel->write(as_bytes(data));
    channel->shutdown_write();
    const auto got = co_await read_all(*channel);
    if (as_chars(got) != data)
        raise(aio::errc::end_of_stream, fmt::format("{} of {} bytes came back", got.size(), size));
}

awaitable<json> echo(host::host& me, const std::string& peer, std::size_t streams,
                     std::size_t size) {
    gathering all{streams, aio::event(co_await asio::this_coro::executor)};
    std::vector<awaitable<void>> works;
    for (std::size_t i = 0; i < streams; ++i)
        works.push_back(echo_one(&me, peer_of(peer), size, static_cast<char>('a' + i % 26), &all));
    co_await aio::all_of(std::move(works));
    co_return json{{"streams", streams}};
}

awaitable<json> reset(host::host& me, const std::string& peer) {
    {
        auto [channel, protocol] = co_await me.open(peer_of(peer), {echo_protocol});
        co_await channel->write(as_bytes("never finished"));
        channel->reset();
    }
    auto [channel, protocol] = co_await me.open(peer_of(peer), {reset_protocol});
    try {
        co_await read_all(*channel);
    } catch (const failure& e) {
        if (e.code() != host::errc::stream_reset)
            throw;
        co_return json{{"reset", true}};
    }
    raise(host::errc::protocol_refused, "the peer resets the stream, but it just ends");
}

json describe(const host::peer_info& p) {
    json out = {{"id", p.id.to_string()}, {"agent", p.agent}, {"protocols", p.protocols}};
    out["incoming"] = p.direction == host::direction::incoming;
    for (const auto& a : p.listen_addresses)
        out["addresses"].push_back(a.to_string());
    return out;
}

awaitable<json> run(host::host& me, std::vector<std::string> words) {
    if (words[0] == "dial") {
        const auto to = value_or_throw(host::parse_known_peer(words.at(1)));
        co_await me.connect(to.id, {to.address});
        co_return json{{"peer", to.id.to_string()}};
    }
    if (words[0] == "ping") {
        const std::chrono::duration<double, std::milli> took =
            co_await host::ping(me, peer_of(words.at(1)));
        co_return json{{"ms", took.count()}};
    }
    if (words[0] == "echo")
        co_return co_await echo(me, words.at(1), std::stoul(words.at(2)), std::stoul(words.at(3)));
    if (words[0] == "reset")
        co_return co_await reset(me, words.at(1));
    json all = json::array();
    for (const auto& p : me.peers())
        all.push_back(describe(p));
    co_return json{{"peers", all}};
}

void say(const json& what) {
    fmt::print("{}\n", what.dump());
    std::fflush(stdout);
}

awaitable<void> serve_commands(host::tcp_host* me) {
    asio::posix::stream_descriptor input(co_await asio::this_coro::executor, 0);
    asio::streambuf buffer;
    for (;;) {
        co_await asio::async_read_until(input, buffer, '\n', use_awaitable);
        std::istream lines(&buffer);
        std::string line;
        std::getline(lines, line);
        std::istringstream in(line);
        const std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
        if (words.empty())
            continue;
        try {
            say(co_await aio::with_timeout(run(*me, words), limit));
        } catch (const std::exception& e) {
            say({{"error", e.what()}});
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    asio::io_context loop(1);
    aio::pool workers(1);
    auto key = argc > 1
                   ? value_or_throw(multiformats::unmarshal_private_key(as_bytes(content(argv[1]))))
                   : crypto::private_key::generate();
    host::tcp_host_options options;
    options.agent = "host_tool";
    if (argc > 2)
        options.network = value_or_throw(pnet::parse_swarm_key(content(argv[2])));
    host::tcp_host me(loop.get_executor(), workers, std::move(key), options);
    me.handle(echo_protocol, serve_echo);
    me.handle(reset_protocol, serve_reset);
    me.listen(value_or_throw(multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/0")));
    me.start();
    say({{"id", me.self().to_string()},
         {"address", me.addresses().at(0).with_peer(me.self()).to_string()}});
    // The end of standard input ends the program.
    asio::co_spawn(loop, serve_commands(&me), [](const std::exception_ptr&) { std::_Exit(0); });
    loop.run();
}
