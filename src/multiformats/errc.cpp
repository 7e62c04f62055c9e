#include "multiformats/errc.hpp"

namespace dm::multiformats {

const char* category_name(errc) noexcept {
    return "multiformats";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::truncated:
            return "truncated";
        case errc::malformed_varint:
            return "malformed_varint";
        case errc::malformed_multibase:
            return "malformed_multibase";
        case errc::malformed_multihash:
            return "malformed_multihash";
        case errc::malformed_cid:
            return "malformed_cid";
        case errc::malformed_peer_id:
            return "malformed_peer_id";
        case errc::malformed_multiaddr:
            return "malformed_multiaddr";
        case errc::malformed_protobuf:
            return "malformed_protobuf";
        case errc::malformed_name:
            return "malformed_name";
        case errc::unknown_protocol:
            return "unknown_protocol";
        case errc::unsupported_hash:
            return "unsupported_hash";
        case errc::too_long:
            return "too_long";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::truncated:
            return "ends too early";
        case errc::malformed_varint:
            return "malformed varint";
        case errc::malformed_multibase:
            return "not a multibase text";
        case errc::malformed_multihash:
            return "not a multihash";
        case errc::malformed_cid:
            return "not a CID";
        case errc::malformed_peer_id:
            return "not a peer id";
        case errc::malformed_multiaddr:
            return "not a multiaddress";
        case errc::malformed_protobuf:
            return "malformed protobuf message";
        case errc::malformed_name:
            return "not an image name of the form ciq…";
        case errc::unknown_protocol:
            return "unknown multiaddress protocol";
        case errc::unsupported_hash:
            return "hash function is not supported";
        case errc::too_long:
            return "too long";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::unsupported_hash:
        case errc::unknown_protocol:
            return condition::unsupported;
        case errc::too_long:
            return condition::too_large;
        default:
            return condition::invalid;
    }
}

}  // namespace dm::multiformats
