#include "http/server/problem.hpp"

#include <nlohmann/json.hpp>

namespace dm::server {
namespace {

int status_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_request:
        case errc::malformed_target:
        case errc::tls_on_plain_port:
            return 400;
        case errc::forbidden_origin:
            return 403;
        case errc::no_such_path:
            return 404;
        case errc::method_not_allowed:
            return 405;
        case errc::request_timeout:
            return 408;
        case errc::body_too_large:
            return 413;
        case errc::unsupported_media_type:
            return 415;
        case errc::expectation_failed:
            return 417;
        case errc::head_too_large:
            return 431;
        case errc::wrong_length:
            return 500;
        case errc::unsupported_coding:
            return 501;
        case errc::unsupported_version:
            return 505;
    }
    return 500;
}

int status_of(condition c) noexcept {
    switch (c) {
        case condition::invalid:
            return 400;
        case condition::unauthorized:
            return 401;
        case condition::forbidden:
            return 403;
        case condition::not_found:
            return 404;
        case condition::conflict:
            return 409;
        case condition::too_large:
            return 413;
        case condition::unprocessable:
            return 422;
        case condition::rate_limited:
            return 429;
        case condition::unsupported:  // a 405 is about the method and lists others: only routers
                                      // say it
            return 501;
        case condition::corrupt:
            return 502;
        case condition::unavailable:
        case condition::cancelled:
            return 503;
        case condition::timed_out:
            return 504;
        case condition::no_space:
            return 507;
        case condition::internal:
            return 500;
    }
    return 500;
}

}  // namespace

int status_of(const std::error_code& code) noexcept {
    if (code.category() == errc_category<errc>::instance())
        return status_of(static_cast<errc>(code.value()));
    return status_of(dm::condition_of(code));
}

problem problem_of(const error& reason) {
    return {.status = status_of(reason.code),
            .code = reason.name(),
            .message = reason.message(),
            .headers = {},
            .cause = reason.code};
}

problem problem_of(const std::exception& failed) {
    auto out = problem_of(error_of(failed));
    if (const auto* r = dynamic_cast<const refusal*>(&failed))
        out.headers = r->headers();
    return out;
}

content json_error_body(const problem& p) {
    const nlohmann::ordered_json body{{"error", true}, {"msg", p.message}, {"code", p.code}};
    return {"application/json",
            body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

}  // namespace dm::server
