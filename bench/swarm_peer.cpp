// A node that only shares blobs: for measuring swarms without the rest of the daemon.
//   swarm_peer FOLDER LISTEN [--connect MULTIADDR]... [--put FILE]... [--slots N]
// Prints "peer MULTIADDR" when it listens and "ready" when --put files are in its store. Then takes
// lines on standard input: "fetch SHA256:… SIZE SHA256:… SIZE …" (one image), answers "done SECONDS
// SENT RECEIVED WASTED"; ends with its input.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/streambuf.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "content/sharing/driver.hpp"
#include "crypto/key.hpp"
#include "libp2p/host/tcp_host.hpp"

using namespace dm;

namespace {

struct arguments {
    std::string folder;
    std::string listen;
    std::vector<std::string> connect;
    std::vector<std::string> put;
    sharing::options sharing;
};

arguments parse(int argc, char** argv) {
    arguments out;
    if (argc < 3)
        throw std::runtime_error("usage: swarm_peer FOLDER LISTEN [--connect A] [--put FILE]");
    out.folder = argv[1];
    out.listen = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        if (option == "--slots")
            out.sharing.uploading.slots_min = out.sharing.uploading.slots_fast_max =
                static_cast<std::uint32_t>(std::stoul(argv[i + 1]));
        else
            (option == "--put" ? out.put : out.connect).emplace_back(argv[i + 1]);
    }
    return out;
}

/// Through the store's own door, hashing on the way, as an import does.
awaitable<void> put(store::content_store& store, std::string file) {
    std::ifstream in(file, std::ios::binary | std::ios::ate);
    const auto size = static_cast<std::uint64_t>(in.tellg());
    in.seekg(0);
    crypto::hasher hash(crypto::hash_algorithm::sha256);
    bytes buffer(1 << 20);
    const auto read = [&] {
        in.read(reinterpret_cast<char*>(buffer.data()),
                static_cast<std::streamsize>(buffer.size()));
        return byte_view(buffer).first(static_cast<std::size_t>(in.gcount()));
    };
    for (auto part = read(); !part.empty(); part = read())
        hash.update(part);
    const auto digest = hash.finish();
    in.clear();
    in.seekg(0);
    auto lease = co_await store.receive(digest, size);
    if (!lease)
        co_return;
    for (auto part = read(); !part.empty(); part = read())
        for (; !part.empty();) {
            const auto n = std::min<std::size_t>(part.size(), store::leaf_bytes);
            if (!(*lease)->write(part.first(n)))
                co_await (*lease)->ready();
            part = part.subspan(n);
        }
    co_await store.finish(*lease);
}

awaitable<void> fetch(sharing::swarm_node& swarm, store::content_store& store,
                      crypto::digest digest, std::uint64_t size) {
    auto lease = co_await store.receive(digest, size);
    if (!lease)
        co_return;
    co_await swarm.fetch(**lease, std::nullopt, {});
    co_await store.finish(*lease);
}

awaitable<void> run(executor ex, arguments args) {
    aio::pool workers(2);
    store::content_store store(ex, workers, args.folder + "/store");
    host::tcp_host host(ex, workers, crypto::private_key::generate(), {});
    host.listen(value_or_throw(multiformats::parse_multiaddr(args.listen)));
    host.start();
    sharing::swarm_node swarm(ex, workers, host, store, args.sharing);
    swarm.start();
    for (const auto& a : host.addresses())
        std::cout << "peer " << a.with_peer(host.self()).to_string() << std::endl;
    for (const auto& file : args.put)
        co_await put(store, file);
    for (const auto& text : args.connect) {
        const auto address = value_or_throw(multiformats::parse_multiaddr(text));
        co_await host.connect(address.peer().value(), {address});
    }
    std::cout << "ready" << std::endl;

    asio::posix::stream_descriptor input(ex, ::dup(0));
    asio::streambuf lines;
    for (;;) {
        boost::system::error_code end;
        co_await asio::async_read_until(input, lines, '\n',
                                        asio::redirect_error(use_awaitable, end));
        if (end)
            break;
        std::istream text(&lines);
        std::string line, word;
        std::getline(text, line);
        std::istringstream words(line);
        words >> word;
        const auto begun = std::chrono::steady_clock::now();
        std::vector<awaitable<void>> works;
        std::uint64_t size = 0;
        while (words >> word >> size)
            works.push_back(fetch(swarm, store, value_or_throw(crypto::parse_digest(word)), size));
        std::string outcome = "done";
        try {
            co_await aio::all_of(std::move(works));
        } catch (const failure& e) {
            outcome = fmt::format("failed: {};", e.what());
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        std::cout << fmt::format("{} {:.3f} {} {} {}", outcome, took.count(), swarm.sent_bytes(),
                                 swarm.received_bytes(), swarm.wasted_bytes())
                  << std::endl;
    }
    co_await swarm.stop();
    co_await host.stop();
    co_await store.stop();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        asio::io_context loop;
        std::exception_ptr failed;
        asio::co_spawn(loop, run(loop.get_executor(), parse(argc, argv)),
                       [&](std::exception_ptr e) { failed = e; });
        loop.run();
        if (failed)
            std::rethrow_exception(failed);
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "swarm_peer: " << e.what() << '\n';
        return 1;
    }
}
