#include "libp2p/multistream/errc.hpp"

namespace dm::multistream {

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed:
            return "malformed";
        case errc::too_long:
            return "too_long";
        case errc::too_many:
            return "too_many";
        case errc::none_in_common:
            return "none_in_common";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed:
            return "not multistream-select 1.0";
        case errc::too_long:
            return "a protocol name is too long";
        case errc::too_many:
            return "too many protocols were proposed";
        case errc::none_in_common:
            return "no protocol in common";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed:
        case errc::too_long:
        case errc::too_many:
            return condition::corrupt;
        case errc::none_in_common:
            return condition::unsupported;
    }
    return condition::internal;
}

}  // namespace dm::multistream
