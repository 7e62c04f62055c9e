#include "runtime/engine/errc.hpp"

namespace dm::engine {

const char* category_name(errc) noexcept {
    return "engine";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::unavailable:
            return "engine_unavailable";
        case errc::unsupported_engine:
            return "unsupported_engine";
        case errc::no_such_image:
            return "no_such_image";
        case errc::no_such_platform:
            return "no_such_platform";
        case errc::invalid_request:
            return "invalid_request";
        case errc::no_space:
            return "no_space";
        case errc::pull_failed:
            return "pull_failed";
        case errc::stalled:
            return "stalled";
        case errc::malformed_answer:
            return "malformed_answer";
        case errc::refused:
            return "refused";
        case errc::no_engine:
            return "no_engine";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::unavailable:
            return "the container engine is not available";
        case errc::unsupported_engine:
            return "this version of the container engine is not supported";
        case errc::no_such_image:
            return "there is no such image";
        case errc::no_such_platform:
            return "the image does not exist for this platform";
        case errc::invalid_request:
            return "the container engine does not accept this name or platform";
        case errc::no_space:
            return "the disk of the container engine is full";
        case errc::pull_failed:
            return "the container engine could not pull the image";
        case errc::stalled:
            return "the pull does not move";
        case errc::malformed_answer:
            return "the container engine gave an answer that makes no sense";
        case errc::refused:
            return "the container engine refused";
        case errc::no_engine:
            return "this node has no container engine";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::unavailable:
        case errc::pull_failed:
            return condition::unavailable;
        case errc::unsupported_engine:
        case errc::no_engine:
            return condition::unsupported;
        case errc::no_such_image:
        case errc::no_such_platform:
            return condition::not_found;
        case errc::invalid_request:
            return condition::invalid;
        case errc::no_space:
            return condition::no_space;
        case errc::stalled:
            return condition::timed_out;
        case errc::malformed_answer:
            return condition::corrupt;
        case errc::refused:
            return condition::internal;
    }
    return condition::internal;
}

}  // namespace dm::engine
