#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server/options.hpp"

namespace dm::server {

/// Picks the handler by method and path; is itself a handler. Patterns are literal segments,
/// ":name" (one segment, not empty) and, last, "*name" (one or more segments, joined by '/'); the
/// first match in the order of addition wins. GET routes answer HEAD too. No match is
/// `no_such_path`, or `method_not_allowed` with Allow.
class router {
  public:
    /// Looks at each request before it is routed; an error refuses it. (Host check, later tokens.)
    using guard = std::function<result<void>(const request&)>;

    void add(std::string method, std::string_view pattern, handler h);
    /// Guards run in the order of addition.
    void add_guard(guard g) { guards_.push_back(std::move(g)); }

    awaitable<void> handle(request& req, response_writer& out) const;
    /// For http_server's constructor; this router outlives the server.
    handler as_handler() const;

  private:
    struct route {
        std::string method;
        std::vector<std::string> pattern;
        handler run;
    };
    const route* find(request& req, std::string& allowed) const;

    std::vector<route> routes_;
    std::vector<guard> guards_;
};

}  // namespace dm::server
