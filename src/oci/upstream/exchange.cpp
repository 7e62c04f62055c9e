#include "oci/upstream/exchange.hpp"

#include <fmt/format.h>

#include "base/json/read.hpp"
#include "http/client/errc.hpp"
#include "http/syntax/retry_after.hpp"
#include "oci/quote.hpp"

namespace dm::upstream {
namespace {

bool is_transient(int status) {
    return status == 408 || status == 429 || status == 499 || (status >= 500 && status != 501);
}

std::optional<milliseconds> retry_after_of(const http::response_head& head, wall_time now) {
    const auto* text = head.find("Retry-After");
    return text ? syntax::parse_retry_after(*text, now) : std::nullopt;
}

error describe(int status, const std::string& host, const std::string& what,
               const std::string& message) {
    const auto said = message.empty() ? std::string{} : fmt::format(" and says {}", message);
    switch (status) {
        case 404:
            return {errc::not_found, fmt::format("{} is unknown to {}", what, host)};
        case 401:
            return {errc::unauthorized,
                    fmt::format("{} does not give us {} (401): it does not exist there, or needs "
                                "credentials",
                                host, what)};
        case 403:
            return {errc::denied, fmt::format("{} denies us {} (403){}", host, what, said)};
        case 429:
            return {errc::rate_limited,
                    fmt::format("{} limits the rate of requests (429){}", host, said)};
        default:
            return {errc::unavailable,
                    fmt::format("{} answers {} when asked for {}{}", host, status, what, said)};
    }
}

}  // namespace

exchange_failed of_transport(const error& why) {
    if (why.code == http::errc::timed_out || why.code == http::errc::stalled)
        return exchange_failed({errc::timed_out, why.detail}, true);
    if (why.code == http::errc::connect_failed || why.code == http::errc::resolve_failed ||
        why.code == http::errc::closed_early || why.code == http::errc::failed)
        return exchange_failed({errc::unavailable, why.detail}, true);
    if (why.code == http::errc::tls_failed || why.code == http::errc::too_many_redirects)
        return exchange_failed({errc::unavailable, why.detail});
    if (why.code == http::errc::redirect_refused)
        return exchange_failed({errc::denied, why.detail});
    if (why.code == http::errc::body_too_large)
        return exchange_failed({errc::too_large, why.detail});
    if (why.code == http::errc::malformed_answer)
        return exchange_failed({errc::corrupt, why.detail});
    return exchange_failed(why);
}

exchange_failed of_status(const http::response& answer, const std::string& host,
                          const std::string& what, wall_time now) {
    const int status = answer.head.status;
    return exchange_failed(describe(status, host, what, registry_message(answer.body)),
                           is_transient(status), status, retry_after_of(answer.head, now));
}

std::string registry_message(std::string_view body) {
    const auto value = json::read(body, {.bytes_max = 64 << 10, .values_max = 1000});
    if (!value)
        return {};
    const auto* errors = json::member(*value, "errors");
    const bool listed = errors && errors->is_array() && !errors->empty();
    const auto& first = listed ? errors->front() : *value;
    const auto* code = json::string_member(first, "code");
    const auto* message = json::string_member(first, "message");
    if (!message)
        message = json::string_member(first, "details");  // token servers
    if (code && message)
        return oci::quote(fmt::format("{}: {}", *code, *message));
    if (code || message)
        return oci::quote(code ? *code : *message);
    return {};
}

}  // namespace dm::upstream
