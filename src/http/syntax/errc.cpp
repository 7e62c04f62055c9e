#include "http/syntax/errc.hpp"

namespace dm::syntax {

const char* category_name(errc) noexcept {
    return "http_syntax";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_challenge:
            return "malformed_challenge";
        case errc::malformed_content_range:
            return "malformed_content_range";
        case errc::malformed_url:
            return "malformed_url";
        case errc::malformed_authority:
            return "malformed_authority";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_challenge:
            return "authentication challenge is malformed";
        case errc::malformed_content_range:
            return "Content-Range is malformed";
        case errc::malformed_url:
            return "not an http or https URL";
        case errc::malformed_authority:
            return "not a host and port";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_challenge:
        case errc::malformed_content_range:
            return condition::corrupt;  // only servers send these
        case errc::malformed_url:
        case errc::malformed_authority:
            return condition::invalid;
    }
    return condition::internal;
}

}  // namespace dm::syntax
