#include "libp2p/host/errc.hpp"

namespace dm::host {

const char* category_name(errc) noexcept {
    return "host";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::no_address:
            return "no_address";
        case errc::dial_failed:
            return "dial_failed";
        case errc::backing_off:
            return "backing_off";
        case errc::wrong_peer:
            return "wrong_peer";
        case errc::is_self:
            return "is_self";
        case errc::banned:
            return "banned";
        case errc::too_many:
            return "too_many";
        case errc::protocol_refused:
            return "protocol_refused";
        case errc::stream_reset:
            return "stream_reset";
        case errc::connection_lost:
            return "connection_lost";
        case errc::handshake_failed:
            return "handshake_failed";
        case errc::bad_swarm_key:
            return "bad_swarm_key";
        case errc::bad_address:
            return "bad_address";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::no_address:
            return "no address of this peer is known";
        case errc::dial_failed:
            return "the peer cannot be reached";
        case errc::backing_off:
            return "the peer could not be reached a moment ago and is not tried again yet";
        case errc::wrong_peer:
            return "another peer answers at this address";
        case errc::is_self:
            return "this is the node itself";
        case errc::banned:
            return "the peer is banned";
        case errc::too_many:
            return "too many connections or streams";
        case errc::protocol_refused:
            return "the peer does not speak this protocol";
        case errc::stream_reset:
            return "the peer has given the stream up";
        case errc::connection_lost:
            return "the connection to the peer has ended";
        case errc::handshake_failed:
            return "the handshake with the peer failed";
        case errc::bad_swarm_key:
            return "not a swarm key";
        case errc::bad_address:
            return "not an address that can be used for TCP";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::no_address:
            return condition::not_found;
        case errc::is_self:
        case errc::bad_swarm_key:
        case errc::bad_address:
            return condition::invalid;
        case errc::banned:
            return condition::forbidden;
        case errc::protocol_refused:
            return condition::unsupported;
        case errc::dial_failed:
        case errc::backing_off:
        case errc::wrong_peer:
        case errc::too_many:
        case errc::stream_reset:
        case errc::connection_lost:
        case errc::handshake_failed:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::host
