#pragma once

#include <string>
#include <vector>

#include "http/server/request.hpp"

namespace dm::server {

/// Keeps web pages that the operator visits from driving a server on loopback: they can send
/// requests, but neither forge Host and Origin nor send JSON without asking first.
///
/// Refused with 403: a Host that is neither loopback, "docker.local", nor one of `names`
/// (a page of a foreign domain whose name was re-pointed here); an Origin that is not likewise;
/// an unsafe request that the browser calls cross-site. Ports are not compared, people come through
/// `ssh -L`. Refused with 415: a body that is not application/json (HTML forms cannot send that).
class host_guard {
  public:
    /// `names`: bound addresses and configured names, without ports; lower case is not needed.
    explicit host_guard(const std::vector<std::string>& names = {});
    /// Answers to any name: where every request has to bring a secret that a page does not have.
    /// An Origin must be that name, or ours.
    static host_guard of_any_name();

    result<void> check(const request& req) const;
    /// The same but for the body's type.
    result<void> check_sender(const request& req) const;

  private:
    bool is_ours(std::string_view host) const;
    result<void> check_host(const request& req) const;
    result<void> check_origin(const request& req) const;

    std::vector<std::string> names_;
    bool any_name_ = false;
};

/// A request that changes something: not GET, HEAD or OPTIONS.
bool is_unsafe(std::string_view method) noexcept;

/// 415 unless a body, where there is one, is application/json.
result<void> require_json(const request& req);

}  // namespace dm::server
