#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "http/client/request.hpp"
#include "oci/upstream/errc.hpp"
#include "oci/upstream/retry.hpp"

namespace dm::upstream {

/// One exchange with a registry or token server that did not give what was asked for, and whether
/// it may be tried again.
class exchange_failed final : public failure {
  public:
    explicit exchange_failed(error why, bool retry = false, int http_status = 0,
                             std::optional<milliseconds> after = {})
        : failure(std::move(why)), may_retry(retry), status(http_status), retry_after(after) {}

    bool may_retry;
    int status;  ///< 0: there was no answer
    std::optional<milliseconds> retry_after;
};

/// From an error of the HTTP client; its sentence is kept.
exchange_failed of_transport(const error& why);

/// From an answer that is no success. `host` answered when asked for `what`; both for the
/// sentence.
exchange_failed of_status(const http::response& answer, const std::string& host,
                          const std::string& what, wall_time now);

/// "MANIFEST_UNKNOWN: manifest unknown" out of a registry's error body, quoted and cut; empty when
/// there is nothing.
std::string registry_message(std::string_view body);

}  // namespace dm::upstream
