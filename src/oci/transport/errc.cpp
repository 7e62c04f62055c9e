#include "oci/transport/errc.hpp"

namespace dm::transport {

const char* category_name(errc) noexcept {
    return "transport";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_location:
            return "malformed_location";
        case errc::not_found:
            return "not_found";
        case errc::malformed_archive:
            return "malformed_archive";
        case errc::unsafe_archive:
            return "unsafe_archive";
        case errc::too_large:
            return "too_large";
        case errc::wrong_content:
            return "wrong_content";
        case errc::unsupported:
            return "unsupported";
        case errc::failed:
            return "failed";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_location:
            return "this is no place of an image";
        case errc::not_found:
            return "there is no such image";
        case errc::malformed_archive:
            return "the archive makes no sense";
        case errc::unsafe_archive:
            return "the archive is not safe to read";
        case errc::too_large:
            return "the archive is over a limit";
        case errc::wrong_content:
            return "the bytes do not match their digest";
        case errc::unsupported:
            return "this cannot be written there";
        case errc::failed:
            return "it did not work out";
    }
    return "unknown failure";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_location:
            return condition::invalid;
        case errc::not_found:
            return condition::not_found;
        case errc::malformed_archive:
        case errc::unsafe_archive:
        case errc::wrong_content:
            return condition::corrupt;
        case errc::too_large:
            return condition::too_large;
        case errc::unsupported:
            return condition::unsupported;
        case errc::failed:
            return condition::internal;
    }
    return condition::internal;
}

}  // namespace dm::transport
