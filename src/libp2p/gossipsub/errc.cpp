#include "libp2p/gossipsub/errc.hpp"

namespace dm::gossipsub {

const char* category_name(errc) noexcept {
    return "gossipsub";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_rpc:
            return "malformed_rpc";
        case errc::malformed_message:
            return "malformed_message";
        case errc::bad_signature:
            return "bad_signature";
        case errc::too_large:
            return "too_large";
        case errc::not_subscribed:
            return "not_subscribed";
        case errc::stopped:
            return "stopped";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_rpc:
            return "malformed pubsub RPC";
        case errc::malformed_message:
            return "malformed pubsub message";
        case errc::bad_signature:
            return "the pubsub message is not signed by its author";
        case errc::too_large:
            return "too large for a pubsub message";
        case errc::not_subscribed:
            return "the topic is not subscribed to";
        case errc::stopped:
            return "the node is stopping";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_rpc:
        case errc::malformed_message:
        case errc::bad_signature:
            return condition::corrupt;
        case errc::too_large:
            return condition::too_large;
        case errc::not_subscribed:
            return condition::conflict;
        case errc::stopped:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::gossipsub
