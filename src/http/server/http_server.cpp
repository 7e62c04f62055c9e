#include "http/server/http_server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "http/server/connection.hpp"

namespace dm::server {
namespace {

/// After a failed accept (out of descriptors), before the next try.
constexpr std::chrono::milliseconds accept_pause{100};

}  // namespace

http_server::http_server(const executor& ex, aio::pool& workers, handler h, options o)
    : executor_(ex),
      workers_(workers),
      handler_(std::move(h)),
      options_(std::move(o)),
      probe_(options_.name),
      changed_(ex),
      group_(ex) {}

http_server::~http_server() = default;

void http_server::listen(const endpoint& where) {
    acceptors_.push_back(aio::listen(executor_, where));
}

std::vector<http_server::endpoint> http_server::bound() const {
    std::vector<endpoint> out;
    for (const auto& a : acceptors_)
        out.push_back(a.local_endpoint());
    return out;
}

void http_server::start() {
    for (auto& a : acceptors_)
        group_.spawn(options_.name + " accept", accept_from(&a));
}

awaitable<void> http_server::accept_from(asio::ip::tcp::acceptor* from) {
    bool complained = false;
    while (!stopping_) {
        co_await make_room();
        auto [failed, socket] = co_await from->async_accept(asio::as_tuple(use_awaitable));
        if (stopping_)
            co_return;
        if (failed == asio::error::operation_aborted)
            throw boost::system::system_error(failed);
        if (!failed) {
            auto stream = aio::tcp_stream(std::move(socket), workers_);
            if (options_.tls)
                group_.spawn(options_.name + " handshake", run_tls(std::move(stream)));
            else
                serve(std::move(stream));
            complained = false;
            continue;
        }
        if (!std::exchange(complained, true))
            log::warn("cannot accept connections",
                      {{"server", options_.name}, {"reason", failed.message()}});
        co_await aio::sleep_for(accept_pause);
    }
}

/// Past the limit, new connections wait in the system's queue; the longest idle one goes first.
awaitable<void> http_server::make_room() {
    while (connections_.size() + handshakes_ >= options_.connections_max) {
        connection* oldest = nullptr;
        for (auto* c : connections_)
            if (c->is_idle() && (!oldest || c->idle_since() < oldest->idle_since()))
                oldest = c;
        if (oldest)
            oldest->finish();
        co_await changed_.wait();
    }
}

void http_server::serve(std::unique_ptr<aio::byte_stream> stream) {
    group_.spawn(options_.name + " connection", run(std::move(stream)));
}

awaitable<void> http_server::run_tls(std::unique_ptr<aio::byte_stream> stream) {
    struct counted {
        http_server& owner;
        explicit counted(http_server& o) : owner(o) { ++owner.handshakes_; }
        ~counted() {
            --owner.handshakes_;
            owner.changed_.notify_all();
        }
    };
    std::unique_ptr<aio::byte_stream> agreed;
    {
        const counted one(*this);
        const auto peer = stream->peer();
        try {
            agreed = co_await aio::with_timeout(
                aio::accept_tls(std::move(stream), *options_.tls, workers_),
                options_.header_timeout);
        } catch (const std::exception& e) {  // the boundary of a connection: others go on
            if (aio::is_cancelled(e))
                throw;
            log::debug("no TLS was agreed",
                       {{"server", options_.name}, {"peer", peer}, {"reason", e.what()}});
        }
    }
    if (agreed && !stopping_)
        co_await run(std::move(agreed));
}

awaitable<void> http_server::run(std::unique_ptr<aio::byte_stream> stream) {
    connection c(std::move(stream), options_, handler_, probe_, [this] { changed_.notify_all(); });
    struct registration {
        http_server& owner;
        std::list<connection*>::iterator where;
        ~registration() {
            owner.connections_.erase(where);
            owner.probe_.closed();
            owner.changed_.notify_all();
        }
    } registered{*this, connections_.insert(connections_.end(), &c)};
    probe_.opened();
    if (stopping_)
        c.finish();
    co_await c.run();
}

awaitable<void> http_server::wait_until_empty() {
    while (!connections_.empty())
        co_await changed_.wait();
}

awaitable<void> http_server::stop() {
    stopping_ = true;
    for (auto& a : acceptors_) {
        boost::system::error_code ignored;  // it is going away
        a.close(ignored);
    }
    changed_.notify_all();
    for (auto* c : connections_)
        c->finish();
    bool late = false;
    try {
        co_await aio::with_timeout(wait_until_empty(), options_.stop_grace);
    } catch (const failure& e) {
        if (e.code() != aio::errc::timed_out)
            throw;
        late = true;
    }
    if (late)
        log::info("requests cut short by the stop",
                  {{"server", options_.name}, {"connections", connections_.size()}});
    co_await group_.stop();
}

}  // namespace dm::server
