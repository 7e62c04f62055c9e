#include "libp2p/noise/errc.hpp"

namespace dm::noise {

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::too_long:
            return "too_long";
        case errc::malformed:
            return "malformed";
        case errc::not_authentic:
            return "not_authentic";
        case errc::wrong_signature:
            return "wrong_signature";
        case errc::wrong_peer:
            return "wrong_peer";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::too_long:
            return "a handshake message is too long";
        case errc::malformed:
            return "not a Noise handshake of libp2p";
        case errc::not_authentic:
            return "encrypted bytes do not fit their tag";
        case errc::wrong_signature:
            return "the peer does not own the identity that it claims";
        case errc::wrong_peer:
            return "another peer answers";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::too_long:
        case errc::malformed:
        case errc::not_authentic:
            return condition::corrupt;
        case errc::wrong_signature:
        case errc::wrong_peer:
            return condition::unauthorized;
    }
    return condition::internal;
}

}  // namespace dm::noise
