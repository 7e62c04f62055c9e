#include "oci/registry/errc.hpp"

namespace dm::registry {

const char* category_name(errc) noexcept {
    return "registry";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::blob_unknown:
            return "BLOB_UNKNOWN";
        case errc::digest_invalid:
            return "DIGEST_INVALID";
        case errc::manifest_unknown:
            return "MANIFEST_UNKNOWN";
        case errc::name_invalid:
            return "NAME_INVALID";
        case errc::name_unknown:
        case errc::nothing_here:
            return "NAME_UNKNOWN";
        case errc::range_invalid:
        case errc::range_unmet:
            return "SIZE_INVALID";
        case errc::upload_unknown:
            return "BLOB_UPLOAD_UNKNOWN";
    }
    return "UNKNOWN";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::blob_unknown:
            return "blob unknown to this node";
        case errc::digest_invalid:
            return "not a digest";
        case errc::manifest_unknown:
            return "manifest unknown to this node";
        case errc::name_invalid:
            return "not an image name";
        case errc::name_unknown:
            return "image unknown to this node";
        case errc::range_invalid:
            return "several ranges in one request are not served";
        case errc::range_unmet:
            return "the range begins behind the end of the blob";
        case errc::upload_unknown:
            return "there are no uploads here: this registry can be pulled from, not pushed to";
        case errc::nothing_here:
            return "no such path in the distribution API";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::blob_unknown:
        case errc::manifest_unknown:
        case errc::name_unknown:
        case errc::upload_unknown:
        case errc::nothing_here:
            return condition::not_found;
        case errc::digest_invalid:
        case errc::name_invalid:
        case errc::range_invalid:
        case errc::range_unmet:
            return condition::invalid;
    }
    return condition::internal;
}

}  // namespace dm::registry
