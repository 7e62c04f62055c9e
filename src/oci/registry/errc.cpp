#include "oci/registry/errc.hpp"

namespace dm::registry {

const char* category_name(errc) noexcept {
    return "registry";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::blob_unknown:
            return "BLOB_UNKNOWN";
        case errc::denied:
            return "DENIED";
        case errc::digest_invalid:
            return "DIGEST_INVALID";
        case errc::manifest_blob_unknown:
            return "MANIFEST_BLOB_UNKNOWN";
        case errc::manifest_invalid:
            return "MANIFEST_INVALID";
        case errc::manifest_unknown:
            return "MANIFEST_UNKNOWN";
        case errc::name_invalid:
            return "NAME_INVALID";
        case errc::name_unknown:
        case errc::nothing_here:
            return "NAME_UNKNOWN";
        case errc::range_invalid:
        case errc::range_unmet:
        case errc::size_invalid:
            return "SIZE_INVALID";
        case errc::too_many_uploads:
            return "TOOMANYREQUESTS";
        case errc::upload_busy:
        case errc::upload_invalid:
        case errc::upload_unmet:
            return "BLOB_UPLOAD_INVALID";
        case errc::upload_unknown:
            return "BLOB_UPLOAD_UNKNOWN";
    }
    return "UNKNOWN";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::blob_unknown:
            return "blob unknown to this node";
        case errc::denied:
            return "nothing can be pushed under this name";
        case errc::digest_invalid:
            return "not a digest";
        case errc::manifest_blob_unknown:
            return "the manifest names a blob that the repository does not have";
        case errc::manifest_invalid:
            return "not a manifest";
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
        case errc::size_invalid:
            return "the chunk has another size than announced";
        case errc::too_many_uploads:
            return "too many uploads are under way";
        case errc::upload_busy:
            return "another request is writing to this upload";
        case errc::upload_invalid:
            return "the chunk cannot be understood";
        case errc::upload_unknown:
            return "there is no such upload: it is over, or was left alone for too long";
        case errc::upload_unmet:
            return "the chunk does not begin where the upload is";
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
        case errc::manifest_blob_unknown:
        case errc::manifest_invalid:
        case errc::name_invalid:
        case errc::range_invalid:
        case errc::range_unmet:
        case errc::size_invalid:
        case errc::upload_invalid:
        case errc::upload_unmet:
            return condition::invalid;
        case errc::denied:
            return condition::forbidden;
        case errc::too_many_uploads:
            return condition::rate_limited;
        case errc::upload_busy:
            return condition::conflict;
    }
    return condition::internal;
}

}  // namespace dm::registry
