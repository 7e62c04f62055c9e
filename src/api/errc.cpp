#include "api/errc.hpp"

namespace dm::api {

const char* category_name(errc) noexcept {
    return "api";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_body:
            return "malformed_body";
        case errc::invalid_field:
            return "invalid_field";
        case errc::invalid_parameter:
            return "invalid_parameter";
        case errc::reserved_key:
            return "reserved_key";
        case errc::not_found:
            return "not_found";
        case errc::busy:
            return "busy";
        case errc::too_many_clients:
            return "too_many_clients";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_body:
            return "the body is not a JSON object";
        case errc::invalid_field:
            return "a member of the body is wrong";
        case errc::invalid_parameter:
            return "a part of the path is wrong";
        case errc::reserved_key:
            return "this key belongs to DistroMash";
        case errc::not_found:
            return "there is no such thing here";
        case errc::busy:
            return "this is being done already";
        case errc::too_many_clients:
            return "too many clients listen already";
    }
    return "unknown failure";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_body:
        case errc::invalid_field:
        case errc::invalid_parameter:
            return condition::invalid;
        case errc::reserved_key:
            return condition::forbidden;
        case errc::not_found:
            return condition::not_found;
        case errc::busy:
            return condition::conflict;
        case errc::too_many_clients:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::api
