#include "crypto/errc.hpp"

namespace dm::crypto {

const char* category_name(errc) noexcept {
    return "crypto";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_digest:
            return "malformed_digest";
        case errc::unsupported_algorithm:
            return "unsupported_algorithm";
        case errc::malformed_state:
            return "malformed_state";
        case errc::malformed_base64:
            return "malformed_base64";
        case errc::malformed_key:
            return "malformed_key";
        case errc::unsupported_key:
            return "unsupported_key";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_digest:
            return "not a digest (expected sha256: and 64 lower-case hex digits)";
        case errc::unsupported_algorithm:
            return "digest algorithm is not supported";
        case errc::malformed_state:
            return "saved hash state is damaged";
        case errc::malformed_base64:
            return "not base64";
        case errc::malformed_key:
            return "not a valid key";
        case errc::unsupported_key:
            return "key type or size is not supported";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_digest:
        case errc::malformed_base64:
        case errc::malformed_key:
            return condition::invalid;
        case errc::unsupported_algorithm:
        case errc::unsupported_key:
            return condition::unsupported;
        case errc::malformed_state:
            return condition::corrupt;
    }
    return condition::internal;
}

}  // namespace dm::crypto
