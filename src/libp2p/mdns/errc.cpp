#include "libp2p/mdns/errc.hpp"

namespace dm::mdns {

const char* category_name(errc) noexcept {
    return "mdns";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_packet:
            return "malformed_packet";
        case errc::no_network:
            return "no_network";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_packet:
            return "malformed DNS packet";
        case errc::no_network:
            return "there is no network interface to search on";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_packet:
            return condition::corrupt;
        case errc::no_network:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::mdns
