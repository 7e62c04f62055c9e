#include "libp2p/kad/errc.hpp"

namespace dm::kad {

const char* category_name(errc) noexcept {
    return "kad";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_message:
            return "malformed_message";
        case errc::refused:
            return "refused";
        case errc::no_servers:
            return "no_servers";
        case errc::stopped:
            return "stopped";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_message:
            return "malformed DHT message";
        case errc::refused:
            return "the DHT request is not served";
        case errc::no_servers:
            return "no DHT server is known";
        case errc::stopped:
            return "the node is stopping";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_message:
            return condition::corrupt;
        case errc::refused:
            return condition::unsupported;
        case errc::no_servers:
        case errc::stopped:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::kad
