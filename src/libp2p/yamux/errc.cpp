#include "libp2p/yamux/errc.hpp"

namespace dm::yamux {

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed:
            return "malformed";
        case errc::window_violation:
            return "window_violation";
        case errc::stream_violation:
            return "stream_violation";
        case errc::flood:
            return "flood";
        case errc::timed_out:
            return "timed_out";
        case errc::gone:
            return "gone";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed:
            return "not a Yamux frame";
        case errc::window_violation:
            return "the peer sent more than its window allows";
        case errc::stream_violation:
            return "the peer opened a stream that it may not open";
        case errc::flood:
            return "the peer asks for more answers than it reads";
        case errc::timed_out:
            return "the peer does not answer pings";
        case errc::gone:
            return "the peer has ended the session";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed:
        case errc::window_violation:
        case errc::stream_violation:
        case errc::flood:
            return condition::corrupt;
        case errc::timed_out:
            return condition::timed_out;
        case errc::gone:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::yamux
