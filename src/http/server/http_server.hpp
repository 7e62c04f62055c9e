#pragma once

#include <list>
#include <memory>
#include <vector>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "aio/tcp.hpp"
#include "http/server/options.hpp"
#include "http/server/probe.hpp"

namespace dm::server {

/// An HTTP/1.1 server: listens, runs one handler for all requests, each connection's one after the
/// other. What the handler throws becomes an error answer (problem_of, options::describe).
class http_server {
  public:
    using endpoint = asio::ip::tcp::endpoint;

    /// `workers` outlive it.
    http_server(const executor& ex, aio::pool& workers, handler h, options o = {});
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;
    ~http_server();

    /// Binds now, so that a taken address shows at once (throws failure); accepts after start().
    void listen(const endpoint& where);
    /// What is listened on, with the port that the system chose for port 0.
    std::vector<endpoint> bound() const;

    void start();

    /// Serves a connection made elsewhere: TLS, a pipe in memory.
    void serve(std::unique_ptr<aio::byte_stream> stream);

    /// Accepts nothing more, ends idle connections, lets requests that run end within
    /// options::stop_grace, then cancels them.
    awaitable<void> stop();

    std::size_t connections() const noexcept { return connections_.size(); }

  private:
    awaitable<void> accept_from(asio::ip::tcp::acceptor* from);
    awaitable<void> make_room();
    awaitable<void> run(std::unique_ptr<aio::byte_stream> stream);
    awaitable<void> run_tls(std::unique_ptr<aio::byte_stream> stream);
    awaitable<void> wait_until_empty();

    executor executor_;
    aio::pool& workers_;
    handler handler_;
    options options_;
    probe probe_;
    std::list<asio::ip::tcp::acceptor> acceptors_;
    std::list<connection*> connections_;
    aio::event changed_;  ///< a connection has ended or become idle
    std::size_t handshakes_ = 0;
    bool stopping_ = false;
    aio::task_group group_;
};

}  // namespace dm::server
