#include "http/server/errc.hpp"

namespace dm::server {

const char* category_name(errc) noexcept {
    return "http_server";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_request:
            return "malformed_request";
        case errc::malformed_target:
            return "malformed_target";
        case errc::tls_on_plain_port:
            return "tls_on_plain_port";
        case errc::forbidden_origin:
            return "forbidden_origin";
        case errc::no_such_path:
            return "no_such_path";
        case errc::method_not_allowed:
            return "method_not_allowed";
        case errc::request_timeout:
            return "request_timeout";
        case errc::body_too_large:
            return "body_too_large";
        case errc::unsupported_media_type:
            return "unsupported_media_type";
        case errc::expectation_failed:
            return "expectation_failed";
        case errc::head_too_large:
            return "head_too_large";
        case errc::wrong_length:
            return "wrong_length";
        case errc::unsupported_coding:
            return "unsupported_coding";
        case errc::unsupported_version:
            return "unsupported_version";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_request:
            return "the request is not valid HTTP";
        case errc::malformed_target:
            return "the path cannot be read";
        case errc::tls_on_plain_port:
            return "this port speaks plain HTTP, not TLS";
        case errc::forbidden_origin:
            return "requests from this origin are refused";
        case errc::no_such_path:
            return "there is nothing at this path";
        case errc::method_not_allowed:
            return "the method is not allowed here";
        case errc::request_timeout:
            return "the request did not arrive in time";
        case errc::body_too_large:
            return "the request body is too large";
        case errc::unsupported_media_type:
            return "the body must be application/json";
        case errc::expectation_failed:
            return "the only expectation met is 100-continue";
        case errc::head_too_large:
            return "the request's headers are too large";
        case errc::wrong_length:
            return "the answer has not the length that was announced";
        case errc::unsupported_coding:
            return "the only transfer coding understood is chunked";
        case errc::unsupported_version:
            return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_request:
        case errc::malformed_target:
        case errc::tls_on_plain_port:
        case errc::unsupported_media_type:
        case errc::expectation_failed:
            return condition::invalid;
        case errc::forbidden_origin:
            return condition::forbidden;
        case errc::no_such_path:
            return condition::not_found;
        case errc::method_not_allowed:
        case errc::unsupported_coding:
        case errc::unsupported_version:
            return condition::unsupported;
        case errc::request_timeout:
            return condition::timed_out;
        case errc::body_too_large:
        case errc::head_too_large:
            return condition::too_large;
        case errc::wrong_length:
            return condition::internal;
    }
    return condition::internal;
}

}  // namespace dm::server
