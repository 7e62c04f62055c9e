#include "oci/errc.hpp"

namespace dm::oci {

const char* category_name(errc) noexcept {
    return "oci";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_reference:
            return "malformed_reference";
        case errc::malformed_platform:
            return "malformed_platform";
        case errc::no_such_platform:
            return "no_such_platform";
        case errc::malformed_manifest:
            return "malformed_manifest";
        case errc::manifest_too_large:
            return "manifest_too_large";
        case errc::unsupported_manifest:
            return "unsupported_manifest";
        case errc::malformed_config:
            return "malformed_config";
        case errc::malformed_layout:
            return "malformed_layout";
        case errc::malformed_record:
            return "malformed_record";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_reference:
            return "not an image name";
        case errc::malformed_platform:
            return "not a platform (expected os/architecture, such as linux/arm64)";
        case errc::no_such_platform:
            return "the image does not exist for this platform";
        case errc::malformed_manifest:
            return "not an image manifest";
        case errc::manifest_too_large:
            return "the manifest is too large";
        case errc::unsupported_manifest:
            return "manifests of this kind are not supported";
        case errc::malformed_config:
            return "not an image configuration";
        case errc::malformed_layout:
            return "not an OCI image layout";
        case errc::malformed_record:
            return "not an image record";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_reference:
        case errc::malformed_platform:
            return condition::invalid;
        case errc::no_such_platform:
            return condition::not_found;
        case errc::malformed_manifest:
        case errc::malformed_config:
        case errc::malformed_layout:
        case errc::malformed_record:
            return condition::corrupt;
        case errc::manifest_too_large:
            return condition::too_large;
        case errc::unsupported_manifest:
            return condition::unprocessable;
    }
    return condition::internal;
}

}  // namespace dm::oci
