#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>

#include "aio/reason.hpp"
#include "aio/tcp.hpp"
#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/host/probe.hpp"
#include "libp2p/host/tcp_host.hpp"

namespace dm::host {
namespace {

using asio::ip::tcp;

/// Addresses of one peer that are tried in one dial.
constexpr std::size_t addresses_tried_max = 16;
/// Endpoints of one name that are tried.
constexpr std::size_t resolved_max = 8;
/// Bytes that the kernel may hold unsent: control messages wait behind them.
constexpr int unsent_bytes_max = 32 * 1024;

bool is_other_network(const std::exception& e) {
    const auto code = error_of(e).code;
    return code == pnet::errc::other_network || code == aio::errc::end_of_stream ||
           code == std::errc::connection_reset || code == std::errc::broken_pipe;
}

}  // namespace

std::unique_ptr<aio::byte_stream> prepare(tcp::socket socket, aio::pool& workers) {
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max,
                 sizeof unsent_bytes_max);
    return aio::tcp_stream(std::move(socket), workers);
}

/// The addresses of one peer, tried until one answers.
struct tcp_host::dial_race {
    explicit dial_race(executor ex) : changed(ex), attempts(std::move(ex)) {}

    aio::event changed;
    std::size_t running = 0;
    std::optional<attempt_result> won;
    std::optional<error> failed;  // the last one
    aio::task_group attempts;
};

awaitable<void> tcp_host::connect(const peer_id& peer, std::vector<multiaddr> addresses) {
    const auto to = peer;  // the reference may not outlive the first wait
    if (to == self())
        raise(errc::is_self);
    if (is_banned(to))
        raise(errc::banned);
    const auto known = addresses_of(to);
    const bool news = std::ranges::any_of(addresses, [&](const auto& a) {
        return is_dialable(a) && std::ranges::find(known, a.without_peer()) == known.end();
    });
    add_addresses(to, addresses, recent_address);
    if (preferred(to))
        co_return;
    auto d = dials_.find(to);
    if (d == dials_.end()) {
        if (dialable_addresses(to).empty())
            raise(errc::no_address);
        if (!news && book_.retry_at(to) > std::chrono::system_clock::now())
            raise(errc::backing_off);
        admit(to);
        d = dials_.emplace(to, std::make_unique<dial>(executor_)).first;
        group_.spawn("dial", run_dial(to));
    }
    auto& shared = *d->second;
    struct wait {
        tcp_host& host;
        const peer_id& peer;
        dial& on;
        wait(tcp_host& h, const peer_id& p, dial& o) : host(h), peer(p), on(o) { ++on.waiting; }
        ~wait() {
            if (--on.waiting == 0 && on.done)
                host.dials_.erase(peer);
        }
    } waiting(*this, to, shared);
    while (!shared.done)
        co_await shared.changed.wait();
    if (shared.failed)
        throw failure(*shared.failed);
}

std::vector<multiaddr> tcp_host::dialable_addresses(const peer_id& peer) const {
    const auto mine = addresses();
    std::vector<multiaddr> out;
    for (auto& a : addresses_of(peer))
        if (std::ranges::find(mine, a) == mine.end() && out.size() < addresses_tried_max)
            out.push_back(std::move(a));
    return out;
}

awaitable<void> tcp_host::run_dial(peer_id peer) {
    std::optional<error> failed;
    bool cancelled = false;
    try {
        const auto permit = co_await dial_permits_.acquire();
        auto addresses = dialable_addresses(peer);
        if (std::ranges::any_of(addresses,
                                [](const auto& a) { return dnsaddr_name(a).has_value(); }))
            addresses = co_await workers_.run(
                [&] { return resolve_dnsaddr(addresses, peer, options_.text_records); });
        if (addresses.size() > addresses_tried_max)
            addresses.erase(addresses.begin() + addresses_tried_max, addresses.end());
        co_await race(peer, std::move(addresses));
        count_dial("ok");
    } catch (const std::exception& e) {
        failed = error_of(e);
        cancelled = aio::is_cancelled(e);
        if (!cancelled) {
            count_dial(failed->name());
            book_.failed(peer, std::chrono::system_clock::now());
        }
    }
    const auto d = dials_.find(peer);
    if (preferred(peer))
        failed.reset();  // the peer has dialled us meanwhile
    d->second->failed = std::move(failed);
    d->second->done = true;
    d->second->changed.notify_all();
    if (d->second->waiting == 0)
        dials_.erase(d);
}

awaitable<void> tcp_host::race(peer_id peer, std::vector<multiaddr> addresses) {
    dial_race r(executor_);
    std::exception_ptr cancelled;
    try {
        for (std::size_t next = 0; !r.won && !preferred(peer);) {
            if (next < addresses.size()) {
                ++r.running;
                r.attempts.spawn("attempt", attempt(peer, addresses[next++], &r));
                const auto before = r.running;
                try {
                    // The next address gets its turn when this one fails, or takes long.
                    co_await aio::with_timeout(r.changed.wait(), options_.dial_delay);
                } catch (const failure& e) {
                    if (e.code() != aio::errc::timed_out)
                        throw;
                }
                static_cast<void>(before);
            } else if (r.running > 0) {
                co_await r.changed.wait();
            } else {
                break;
            }
        }
    } catch (...) {
        cancelled = std::current_exception();  // rethrown when the attempts have ended
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await r.attempts.stop();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (cancelled)
        std::rethrow_exception(cancelled);
    if (r.won) {
        book_.succeeded(peer, r.won->remote, std::chrono::system_clock::now());
        adopt(std::move(r.won->connection), direction::outgoing, r.won->remote);
    } else if (!preferred(peer)) {
        raise(errc::dial_failed,
              r.failed ? r.failed->message() : std::string("none of its addresses answers"));
    }
}

awaitable<void> tcp_host::attempt(peer_id peer, multiaddr address, dial_race* in) {
    try {
        std::optional<secured> fresh;
        bool has_other_key = false;
        try {
            fresh = co_await dial_and_upgrade(peer, address, network_key::current);
        } catch (const std::exception& e) {
            // It sees that at our first word as we do at its: it may hang up before we have read.
            has_other_key = upgrade_.former_network && is_other_network(e);
            if (!has_other_key)
                throw;
        }
        if (has_other_key)
            fresh = co_await dial_and_upgrade(peer, address, network_key::former);
        if (!in->won)
            in->won.emplace(*std::move(fresh), address);
    } catch (const std::exception& e) {
        in->failed = error_of(e);
        in->failed->detail = address.to_string() + ": " + aio::reason_of(e);
        log::debug("dial failed", {{"peer", peer.to_string()}, {"reason", in->failed->detail}});
    }
    --in->running;
    in->changed.notify_all();
}

awaitable<secured> tcp_host::dial_and_upgrade(peer_id peer, multiaddr address, network_key with) {
    auto socket = co_await aio::with_timeout(connect_to(address), options_.connect_timeout);
    co_return co_await aio::with_timeout(
        upgrade(prepare(std::move(socket), workers_), noise::role::initiator, upgrade_, peer, with),
        options_.handshake_timeout);
}

awaitable<tcp::socket> tcp_host::connect_to(multiaddr address) {
    tcp::socket socket(executor_);
    if (const auto endpoint = to_endpoint(address)) {
        co_await socket.async_connect(*endpoint, use_awaitable);
        co_return socket;
    }
    const auto name = to_dns_name(address);
    if (!name)
        raise(errc::bad_address);
    tcp::resolver resolver(executor_);
    const auto all =
        co_await resolver.async_resolve(name->name, std::to_string(name->port), use_awaitable);
    std::exception_ptr last;
    std::size_t tried = 0;
    for (const auto& entry : all) {
        const auto endpoint = entry.endpoint();
        if ((endpoint.address().is_v4() ? !name->ip4 : !name->ip6) || ++tried > resolved_max)
            continue;
        try {
            co_await socket.async_connect(endpoint, use_awaitable);
            co_return socket;
        } catch (const boost::system::system_error& e) {
            if (aio::is_cancelled(e))
                throw;
            last = std::current_exception();  // thrown when no other works
            socket.close();
        }
    }
    if (last)
        std::rethrow_exception(last);
    raise(errc::bad_address, "the name has no address of this kind");
}

}  // namespace dm::host
