#include "control/plan/errc.hpp"

namespace dm::plan {

const char* category_name(errc) noexcept {
    return "plan";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_payload:
            return "malformed_payload";
        case errc::invalid_field:
            return "invalid_field";
        case errc::invalid_target:
            return "invalid_target";
        case errc::malformed_record:
            return "malformed_record";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_payload:
            return "the request is not a JSON object";
        case errc::invalid_field:
            return "a member of the request is invalid";
        case errc::invalid_target:
            return "a target is not a peer id";
        case errc::malformed_record:
            return "a record of the fleet's state is damaged";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_payload:
        case errc::invalid_field:
            return condition::invalid;
        case errc::invalid_target:
            return condition::unprocessable;
        case errc::malformed_record:
            return condition::corrupt;
    }
    return condition::internal;
}

}  // namespace dm::plan
