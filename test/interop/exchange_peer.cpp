// A peer of ours for tests against other implementations: a host with bitswap and the DHT over a
// store in memory. Prints its addresses, then does what each line of its input says and answers
// with one line, "ok …" or "error …":
//   connect ADDR      add FILE      get CID FILE      provide CID      findprovs CID      peers
//   stat      fill COUNT SIZE (makes blocks)      latency COUNT SIZE (fetches them one by one)
#include <fmt/format.h>

#include <algorithm>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "aio/run_for_test.hpp"
#include "base/log.hpp"
#include "content/bitswap/driver_memory_blockstore.hpp"
#include "content/tree/driver.hpp"
#include "content/unixfs/file_builder.hpp"
#include "libp2p/host/tcp_host.hpp"
#include "libp2p/kad/driver_routing.hpp"

using namespace dm;
using multiformats::cid;

namespace {

struct peer {
    peer(executor ex, const host::tcp_host_options& options)
        : host(ex, workers, crypto::private_key::generate(), options),
          dht(ex, host, 1),
          bitswap(ex, workers, host, store,
                  [this](cid id, bitswap::provider_found found) -> awaitable<void> {
                      co_await dht.find_providers(id.hash(), 10, [&](const kad::peer_info& p) {
                          found(p.id, p.addresses);
                      });
                  }) {}

    awaitable<std::string> run(std::string line) {
        std::istringstream words(line);
        std::string verb;
        std::string what;
        std::string file;
        words >> verb >> what >> file;
        if (verb == "connect")
            co_return co_await connect(what);
        if (verb == "add")
            co_return add(what);
        if (verb == "get")
            co_return co_await get(what, file);
        if (verb == "provide")
            dht.provide(value_or_throw(multiformats::parse_cid(what)).hash());
        if (verb == "findprovs")
            co_return co_await find_providers(what);
        if (verb == "peers")
            co_return std::to_string(host.peers().size());
        if (verb == "stat")
            co_return stat();
        if (verb == "fill")
            for (unsigned n = 0; n < std::stoul(what); ++n)
                store.add(block(n, std::stoul(file)));
        if (verb == "latency")
            co_return co_await latency(std::stoul(what), std::stoul(file));
        co_return "";
    }

    awaitable<std::string> connect(std::string text) {
        const auto address = value_or_throw(multiformats::parse_multiaddr(text));
        co_await host.connect(address.peer().value(), {address});
        co_return address.peer()->to_string();
    }

    std::string add(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        unixfs::file_builder builder([this](const cid& id, byte_view b) { store.put(id, b); });
        std::string chunk(262'144, 0);
        while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())), in.gcount() > 0) {
            const auto data = as_bytes(chunk).first(static_cast<std::size_t>(in.gcount()));
            builder.add_leaf(store.add(data), data.size());
        }
        const auto root = builder.finish().root;
        dht.provide(root.hash());
        bitswap.store_changed();
        return root.to_string();
    }

    awaitable<std::string> get(std::string root, std::string path) {
        const auto begin = std::chrono::steady_clock::now();
        std::ofstream out(path, std::ios::binary);
        tree::reader from(bitswap);
        const auto size = co_await from.read(
            value_or_throw(multiformats::parse_cid(root)), 0,
            [&](byte_view piece) -> awaitable<void> {
                out.write(as_chars(piece).data(), static_cast<std::streamsize>(piece.size()));
                co_return;
            });
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        co_return fmt::format("{} bytes in {:.3f} s, {} received from {} peers", size, took.count(),
                              from.blocks().received_bytes(), from.blocks().sources());
    }

    static bytes block(std::size_t n, std::size_t size) {
        auto out = to_bytes(std::to_string(n) + " ");
        out.resize(size);
        return out;
    }

    awaitable<std::string> latency(std::size_t count, std::size_t size) {
        std::vector<double> took;
        for (std::size_t n = 0; n < count; ++n) {
            const auto id = cid::of(multiformats::codec::raw, block(n, size));
            const auto begin = std::chrono::steady_clock::now();
            bitswap::fetcher from(bitswap);
            co_await from.get(id);
            const std::chrono::duration<double, std::milli> ms =
                std::chrono::steady_clock::now() - begin;
            took.push_back(ms.count());
        }
        std::ranges::sort(took);
        co_return fmt::format("p50 {:.3f} ms, p99 {:.3f} ms", took[count / 2],
                              took[count * 99 / 100]);
    }

    awaitable<std::string> find_providers(std::string text) {
        std::string out;
        co_await dht.find_providers(
            value_or_throw(multiformats::parse_cid(text)).hash(), 20,
            [&](const kad::peer_info& p) { out += p.id.to_string() + " "; });
        co_return out;
    }

    std::string stat() const {
        std::string out =
            fmt::format("lan {} servers, {} records;", dht.lan().servers(), dht.lan().records());
        for (const auto& p : bitswap.peers())
            out += fmt::format(" {}: sent {} B, received {} B in {} blocks;", p.id.to_string(),
                               p.sent.sent_bytes, p.received_bytes, p.received_blocks);
        return out;
    }

    aio::pool workers{2};
    host::tcp_host host;
    bitswap::memory_blockstore store;
    kad::routing dht;
    bitswap::exchange bitswap;
};

awaitable<void> serve(executor ex, host::tcp_host_options options) {
    peer p(ex, options);
    p.host.listen(value_or_throw(multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/0")));
    p.host.start();
    p.dht.start();
    p.bitswap.start();
    for (const auto& a : p.host.addresses())
        std::cout << a.with_peer(p.host.self()).to_string() << std::endl;
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
            answer = "ok " + co_await p.run(line);
        } catch (const std::exception& e) {
            answer = std::string("error ") + e.what();
        }
        std::cout << answer << std::endl;
    }
    co_await p.bitswap.stop();
    co_await p.dht.stop();
    co_await p.host.stop();
}

}  // namespace

int main(int argc, char** argv) {
    host::tcp_host_options options;
    if (argc > 1 && std::string_view(argv[1]) == "-v")
        log::configure(log_level::debug, log_format::text);
    asio::io_context loop;
    std::exception_ptr failed;
    asio::co_spawn(loop, serve(executor(loop.get_executor()), options),
                   [&](std::exception_ptr e) { failed = e; });
    loop.run();
    if (failed)
        std::rethrow_exception(failed);
    return 0;
}
