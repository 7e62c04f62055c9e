// A node's share of the mesh for tests against go-ds-crdt: a host with pubsub, bitswap and the
// shared state in the folder of its first argument. Prints "ready ADDRESS", then does what each
// line of its input says and answers with a line:
//   connect ADDR   disconnect   put KEY VALUE   del KEY   count   dump   publish TOPIC TEXT
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "aio/run_for_test.hpp"
#include "base/log.hpp"
#include "libp2p/host/tcp_host.hpp"
#include "mesh/crdt/driver.hpp"

using namespace dm;

namespace {

std::uint64_t nanoseconds() {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

struct peer {
    peer(executor ex, const std::filesystem::path& folder)
        : key(crypto::private_key::generate()),
          host(ex, workers, *crypto::private_key::from_data(key.type(), key.data()), {}),
          pubsub(ex, host, key, {.seqno = nanoseconds(), .seed = 1}),
          blocks(ex, workers, folder / "mesh.db"),
          exchange(ex, workers, host, blocks),
          map(ex, workers, folder / "mesh.db", blocks, pubsub, exchange,
              {.announcer = {.interval_min = std::chrono::seconds(2)}}) {}

    void start() {
        host.listen(value_or_throw(multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/0")));
        host.start();
        pubsub.start();
        exchange.start();
        map.start();
        pubsub.subscribe("chat", [](const gossipsub::deliver& d) {
            std::cout << "heard " << as_chars(*d.message.data) << std::endl;
        });
        std::cout << "ready " << host.addresses().at(0).with_peer(host.self()).to_string()
                  << std::endl;
    }
    awaitable<void> stop() {
        co_await map.stop();
        co_await exchange.stop();
        co_await pubsub.stop();
        co_await host.stop();
    }

    awaitable<std::string> run(std::string line) {
        std::istringstream words(line);
        std::string verb;
        std::string what;
        std::string rest;
        words >> verb >> what >> std::ws;
        std::getline(words, rest);
        if (verb == "connect") {
            const auto address = value_or_throw(multiformats::parse_multiaddr(what));
            co_await host.connect(address.peer().value(), {address});
        } else if (verb == "disconnect") {
            for (const auto& p : host.peers())
                host.disconnect(p.id);
        } else if (verb == "put") {
            co_await map.set(what, rest);
        } else if (verb == "del") {
            co_await map.erase(what);
        } else if (verb == "publish") {
            pubsub.publish(what, as_bytes(rest));
        } else if (verb == "count") {
            co_return "count " + std::to_string(map.all().size());
        } else if (verb == "dump") {
            co_return "dump " + nlohmann::json(map.all()).dump();
        }
        co_return "ok";
    }

    crypto::private_key key;
    aio::pool workers{2};
    host::tcp_host host;
    gossipsub::pubsub pubsub;
    crdt::block_source blocks;
    bitswap::exchange exchange;
    crdt::shared_map map;
};

awaitable<void> serve(executor ex, std::filesystem::path folder) {
    peer p(ex, folder);
    p.start();
    asio::posix::stream_descriptor input(ex, ::dup(0));
    asio::streambuf buffer;
    for (;;) {
        std::string line;
        try {
            const auto n = co_await asio::async_read_until(input, buffer, '\n', use_awaitable);
            line.assign(asio::buffers_begin(buffer.data()),
                        asio::buffers_begin(buffer.data()) + static_cast<std::ptrdiff_t>(n) - 1);
            buffer.consume(n);
        } catch (const std::exception&) {
            break;  // the test has ended
        }
        std::string answer;
        try {
            answer = co_await p.run(line);
        } catch (const std::exception& e) {
            answer = std::string("error ") + e.what();
        }
        std::cout << answer << std::endl;
    }
    co_await p.stop();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2)
        return 2;
    if (argc > 2)
        log::configure(log_level::debug, log_format::text);
    asio::io_context loop;
    std::exception_ptr failed;
    asio::co_spawn(loop, serve(executor(loop.get_executor()), argv[1]),
                   [&](std::exception_ptr e) { failed = e; });
    loop.run();
    if (failed)
        std::rethrow_exception(failed);
    return 0;
}
