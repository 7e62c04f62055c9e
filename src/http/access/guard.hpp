#pragma once

#include <deque>
#include <map>
#include <string>

#include "aio/pool.hpp"
#include "base/clock.hpp"
#include "http/access/files.hpp"
#include "http/server/problem.hpp"
#include "http/server/request.hpp"

namespace dm::access {

/// Failed attempts from one address after which it has to wait.
constexpr std::size_t failures_max = 10;
/// Addresses whose failures are remembered; the oldest is forgotten.
constexpr std::size_t failing_addresses_max = 4096;
/// Passwords that were right lately, so that each request does not cost a slow hash.
constexpr std::size_t remembered_logins_max = 256;

struct guard_options {
    std::chrono::seconds failure_window{60};
    std::chrono::seconds login_ttl{300};
};

/// Who sends a request: by a password (Basic), or by a token (Bearer, or as the password of Basic).
/// Secrets are compared in constant time, passwords hashed on the pool. Lives on the loop.
class guard {
  public:
    /// The pool outlives it.
    guard(aio::pool& workers, password_list passwords, token_list tokens, guard_options o = {});

    /// The caller's name; empty where the request has no credentials. Throws unknown_caller for
    /// wrong ones (counted and logged), too_many_failures.
    awaitable<std::string> identify(const server::request& req);

  private:
    struct failures {
        std::size_t count = 0;
        steady_time since{};
    };
    struct login {
        std::array<std::byte, 32> secret;
        steady_time until{};
    };
    awaitable<bool> is_right(std::string name, std::string password);
    [[noreturn]] void refuse(const std::string& address, std::string_view name);
    void check_address(const std::string& address);

    aio::pool& workers_;
    password_list passwords_;
    token_list tokens_;
    guard_options options_;
    bytes salt_;
    std::map<std::string, failures> failures_;
    std::map<std::string, login> logins_;  ///< by name
};

/// Without the port: "127.0.0.1", "::1".
std::string address_of_peer(std::string_view peer);

/// The failure of a caller who should say who they are: 401 with a challenge.
server::refusal ask_who(std::string_view scheme);

}  // namespace dm::access
