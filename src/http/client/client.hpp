#pragma once

#include <memory>

#include "aio/awaitable.hpp"
#include "http/client/errc.hpp"
#include "http/client/request.hpp"

namespace dm::http {

struct client_options {
    long connections_per_host_max = 16;  ///< requests beyond it wait in line
    long connections_max = 64;
    /// Unused that long, all connections are closed and their memory is given back.
    std::chrono::milliseconds idle_timeout{15'000};
    std::string user_agent = "distromash";
};

/// An HTTP/1.1 client over libcurl on the executor's thread; it starts no threads but libcurl's
/// own for name look-ups. Proxies are taken from the environment, never for loopback. Errors are
/// thrown as `failure` with http::errc and a sentence that names the host. A cancelled request is
/// gone at once.
class client {
  public:
    explicit client(const executor& ex, client_options options = {});
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client();

    /// The whole answer in memory; a body beyond `body_bytes_max` is refused as early as possible.
    awaitable<response> fetch(request what);

    /// Hands the body to `sink`, which outlives the call; returns when all of it was taken.
    awaitable<response_head> stream(request what, body_sink& sink);

    /// Ends all requests (errc::stopped) and waits until nothing is left; required before
    /// destruction.
    awaitable<void> stop();

  private:
    awaitable<response> fetch_into_memory(request what);
    awaitable<response_head> follow(request what, body_sink* sink);

    std::unique_ptr<multi> multi_;
};

}  // namespace dm::http
