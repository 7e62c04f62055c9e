#include "mesh/crdt/errc.hpp"

namespace dm::crdt {

const char* category_name(errc) noexcept {
    return "crdt";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_block:
            return "malformed_block";
        case errc::malformed_broadcast:
            return "malformed_broadcast";
        case errc::too_large:
            return "too_large";
        case errc::full:
            return "state_full";
        case errc::stopped:
            return "stopped";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_block:
            return "malformed block of the shared state";
        case errc::malformed_broadcast:
            return "malformed broadcast of the shared state";
        case errc::too_large:
            return "too large for the shared state";
        case errc::full:
            return "the shared state is full";
        case errc::stopped:
            return "the node is stopping";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_block:
        case errc::malformed_broadcast:
            return condition::corrupt;
        case errc::too_large:
            return condition::too_large;
        case errc::full:
            return condition::no_space;
        case errc::stopped:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::crdt
