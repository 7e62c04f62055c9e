#pragma once

#include <chrono>
#include <functional>

#include "http/client/client.hpp"
#include "runtime/docker/answers.hpp"

namespace dm::docker {

/// The conversation with one daemon over its socket: agrees on an API version, and again when the
/// daemon has changed. Whatever keeps it from answering is engine's `unavailable`.
class connection {
  public:
    /// `client` outlives it.
    connection(http::client& client, std::string socket_path);

    /// Asks for the daemon's version and settles on an API version.
    awaitable<daemon_version> negotiate();

    /// The API version in use; empty before the first answer.
    const std::string& api() const noexcept { return api_; }

    /// A request and its whole answer, whatever its status. `path` comes after the API version.
    awaitable<http::response> ask(std::string method, std::string path,
                                  std::chrono::milliseconds limit);

    struct line_handlers {
        std::function<void()> on_open;  ///< the status 200 has come
        std::function<void(std::string_view line)> on_line;
        std::function<void()> on_pause;  ///< nothing more at the moment
    };
    struct end_of_lines {
        int status = 0;
        std::string error_body;  ///< of any other status than 200
    };
    /// A request whose answer is lines, until it ends. Given up (`stalled`) when next to nothing
    /// comes for `stall`; zero: never. The handlers may throw, which ends it.
    awaitable<end_of_lines> read_lines(std::string method, std::string path,
                                       std::chrono::milliseconds stall, line_handlers handlers);

    /// Settles on an API version anew before the next request: the daemon may be another.
    void forget() { api_.clear(); }

  private:
    http::request request_to(std::string method, std::string_view target) const;
    awaitable<http::response> fetch(std::string method, std::string target,
                                    std::chrono::milliseconds limit);
    awaitable<http::response_head> stream(http::request what, http::body_sink* sink);

    http::client& client_;
    std::string socket_path_;
    std::string api_;
};

}  // namespace dm::docker
