#include "daemon/errc.hpp"

namespace dm::daemon {

const char* category_name(errc) noexcept {
    return "daemon";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::bad_option:
            return "bad_option";
        case errc::not_loopback:
            return "not_loopback";
        case errc::cannot_use_data:
            return "cannot_use_data";
        case errc::in_use:
            return "in_use";
        case errc::bad_identity:
            return "bad_identity";
        case errc::bad_swarm_key:
            return "bad_swarm_key";
        case errc::bad_peerstore:
            return "bad_peerstore";
        case errc::bad_operators:
            return "bad_operators";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::bad_option:
            return "an option is wrong";
        case errc::not_loopback:
            return "the address can be reached by other machines";
        case errc::cannot_use_data:
            return "the data folder cannot be used";
        case errc::in_use:
            return "another process uses the data folder";
        case errc::bad_identity:
            return "the private key cannot be read";
        case errc::bad_swarm_key:
            return "the key of the mesh cannot be read";
        case errc::bad_peerstore:
            return "the file peerstore cannot be read";
        case errc::bad_operators:
            return "the file operators cannot be read";
    }
    return "unknown failure";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::bad_option:
        case errc::not_loopback:
        case errc::bad_peerstore:
        case errc::bad_operators:
            return condition::invalid;
        case errc::in_use:
            return condition::conflict;
        case errc::cannot_use_data:
        case errc::bad_identity:
        case errc::bad_swarm_key:
            return condition::internal;
    }
    return condition::internal;
}

}  // namespace dm::daemon
