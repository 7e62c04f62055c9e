#include "content/bitswap/errc.hpp"

namespace dm::bitswap {

const char* category_name(errc) noexcept {
    return "bitswap";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_message:
            return "malformed_message";
        case errc::malformed_block:
            return "malformed_block";
        case errc::not_found:
            return "not_found";
        case errc::stopped:
            return "stopped";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_message:
            return "malformed bitswap message";
        case errc::malformed_block:
            return "malformed bitswap block";
        case errc::not_found:
            return "no peer that can be reached has the block";
        case errc::stopped:
            return "the node is stopping";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_message:
        case errc::malformed_block:
            return condition::corrupt;
        case errc::not_found:
            return condition::not_found;
        case errc::stopped:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::bitswap
