#include "content/swarm/errc.hpp"

namespace dm::swarm {

const char* name_of(errc e) {
    switch (e) {
        case errc::malformed_message:
            return "malformed_message";
        case errc::too_large:
            return "too_large";
        case errc::out_of_order:
            return "out_of_order";
        case errc::unsupported_version:
            return "unsupported_version";
        case errc::wrong_block:
            return "wrong_block";
        case errc::not_found:
            return "not_found";
        case errc::given_up:
            return "given_up";
    }
    return "swarm";
}

const char* message_of(errc e) {
    switch (e) {
        case errc::malformed_message:
            return "malformed message of a peer";
        case errc::too_large:
            return "a peer's message is too large";
        case errc::out_of_order:
            return "a peer's message came out of order";
        case errc::unsupported_version:
            return "a peer speaks a newer protocol";
        case errc::wrong_block:
            return "a peer sent bytes that are not what their hash says";
        case errc::not_found:
            return "no connected peer has it";
        case errc::given_up:
            return "peers that have it do not deliver";
    }
    return "unknown";
}

condition condition_of(errc e) {
    switch (e) {
        case errc::malformed_message:
        case errc::out_of_order:
        case errc::wrong_block:
            return condition::corrupt;
        case errc::too_large:
            return condition::too_large;
        case errc::unsupported_version:
            return condition::unsupported;
        case errc::not_found:
            return condition::not_found;
        case errc::given_up:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::swarm
