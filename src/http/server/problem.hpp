#pragma once

#include <functional>
#include <string>

#include "http/server/errc.hpp"
#include "http/server/header_list.hpp"

namespace dm::server {

/// A failure on its way to the client.
struct problem {
    int status = 500;
    std::string code;     ///< for programs: "not_found"
    std::string message;  ///< for people: one sentence
    header_list headers;  ///< Allow, Retry-After, WWW-Authenticate
    std::error_code cause;
};

/// The one table from codes to HTTP statuses: our own errc has a status each, all others go by
/// their condition.
int status_of(const std::error_code& code) noexcept;

problem problem_of(const error& reason);
/// Also knows `refusal`; an exception that is no failure becomes a 500.
problem problem_of(const std::exception& failed);

/// A failure whose answer needs headers of its own.
class refusal : public failure {
  public:
    explicit refusal(error reason, header_list headers = {})
        : failure(std::move(reason)), headers_(std::move(headers)) {}
    const header_list& headers() const noexcept { return headers_; }

  private:
    header_list headers_;
};

struct content {
    std::string type;
    std::string text;
};

/// How failures look on a server: the body of an error answer.
using error_body = std::function<content(const problem&)>;

/// {"error":true,"msg":"<message>","code":"<code>"}
content json_error_body(const problem& p);

}  // namespace dm::server
