#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <list>

#include "aio/run_for_test.hpp"
#include "aio/tcp.hpp"
#include "aio/timeout.hpp"
#include "libp2p/host/host_conformance.hpp"
#include "libp2p/host/tcp_host.hpp"

namespace dm::host {

inline multiaddr address(std::string_view text) {
    return multiformats::parse_multiaddr(text).value();
}

/// Until something holds; it is asked again and again, for events that nobody tells.
template <class Holds>
awaitable<void> until(Holds holds) {
    while (!holds())
        co_await aio::sleep_for(std::chrono::milliseconds(2));
}

/// Options with short times, so that tests need not wait.
inline tcp_host_options quick() {
    tcp_host_options out;
    using std::chrono::milliseconds;
    out.upkeep_interval = milliseconds(10);
    out.idle_grace = milliseconds(20);
    out.duplicate_grace = milliseconds(20);
    out.dial_delay = milliseconds(50);
    return out;
}

/// Some hosts that listen on loopback; what the test throws ends them, too.
struct fleet {
    explicit fleet(executor ex) : executor_(std::move(ex)) {}

    tcp_host& add(const tcp_host_options& o = quick(),
                  std::string_view at = "/ip4/127.0.0.1/tcp/0") {
        auto& out = hosts_.emplace_back(executor_, workers_, crypto::private_key::generate(), o);
        out.listen(address(at));
        out.handle("/echo/1", echo);
        out.start();
        return out;
    }
    awaitable<void> stop() {
        for (auto& h : hosts_)
            co_await h.stop();
    }

    executor executor_;
    aio::pool workers_{1};
    std::list<tcp_host> hosts_;
};

using scenario = std::function<awaitable<void>(fleet&)>;

inline void with_fleet(const scenario& play) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        fleet hosts(ex);
        std::exception_ptr failed;
        try {
            co_await play(hosts);
        } catch (...) {
            failed = std::current_exception();  // rethrown when the hosts have ended
        }
        co_await asio::this_coro::throw_if_cancelled(false);
        co_await hosts.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

inline awaitable<std::string> say(tcp_host& from, const tcp_host& to, std::string_view text) {
    auto [channel, protocol] = co_await from.open(to.self(), {"/echo/1"});
    co_await channel->write(as_bytes(text));
    channel->shutdown_write();
    co_return co_await read_all(*channel);
}

/// A connection to a listening host from another loopback address, with nothing said yet.
inline std::unique_ptr<aio::byte_stream> knock(const executor& ex, aio::pool& workers,
                                               const tcp_host& at, const char* from = "127.0.0.2") {
    asio::ip::tcp::socket socket(ex);
    socket.open(asio::ip::tcp::v4());
    socket.bind({asio::ip::make_address(from), 0});
    socket.connect(*to_endpoint(at.addresses().at(0)));
    return aio::tcp_stream(std::move(socket), workers);
}

/// A peer that has shaken hands properly, and from then on does what the test wants.
struct rogue {
    crypto::private_key identity = crypto::private_key::generate();
    upgrade_options options{{identity, crypto::x25519_key::generate(), {"/yamux/1.0.0"}}, {}};
    std::optional<secured> line;

    peer_id id() const { return peer_id(identity.public_key()); }

    awaitable<void> meet(executor ex, aio::pool& workers, const tcp_host& at) {
        line = co_await upgrade(knock(ex, workers, at), noise::role::initiator, options, at.self());
    }

    /// Encrypts and sends some Yamux frames.
    awaitable<void> say(byte_view plain) {
        while (!plain.empty()) {
            const auto part = plain.first(std::min(plain.size(), noise::frame_plain_max));
            bytes frame(part.size() + noise::frame_overhead);
            line->cipher.seal(part, frame);
            co_await line->carrier.write(frame);
            plain = plain.subspan(part.size());
        }
    }

    /// Reads until the host closes the connection.
    awaitable<void> see_the_end() {
        bytes buffer(65536);
        try {
            while (co_await line->carrier.read_some(buffer) > 0) {
            }
        } catch (const boost::system::system_error& e) {
            if (aio::is_cancelled(e))
                throw;
        }
    }
};

}  // namespace dm::host
