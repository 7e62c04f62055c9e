#include "http/client/errc.hpp"

namespace dm::http {
namespace {

struct entry {
    const char* name;
    const char* message;
    condition kind;
};

entry entry_of(errc code) noexcept {
    switch (code) {
        case errc::connect_failed:
            return {"connect_failed", "cannot connect", condition::unavailable};
        case errc::resolve_failed:
            return {"resolve_failed", "the host name has no address", condition::unavailable};
        case errc::tls_failed:
            return {"tls_failed", "no trusted TLS connection", condition::unavailable};
        case errc::timed_out:
            return {"timed_out", "no answer in time", condition::timed_out};
        case errc::stalled:
            return {"stalled", "the transfer has stalled", condition::timed_out};
        case errc::closed_early:
            return {"closed_early", "the connection was closed before the answer was complete",
                    condition::unavailable};
        case errc::body_too_large:
            return {"body_too_large", "the answer is larger than allowed", condition::too_large};
        case errc::too_many_redirects:
            return {"too_many_redirects", "redirected too often", condition::unavailable};
        case errc::redirect_refused:
            return {"redirect_refused", "redirected to where we do not go", condition::forbidden};
        case errc::malformed_answer:
            return {"malformed_answer", "the answer is not proper HTTP", condition::corrupt};
        case errc::malformed_request:
            return {"malformed_request", "the request cannot be sent", condition::invalid};
        case errc::stopped:
            return {"stopped", "the client is being stopped", condition::cancelled};
        case errc::failed:
            return {"failed", "the transfer failed", condition::unavailable};
    }
    return {"http", "unknown", condition::internal};
}

}  // namespace

const char* category_name(errc) noexcept {
    return "http";
}
const char* name_of(errc code) noexcept {
    return entry_of(code).name;
}
const char* message_of(errc code) noexcept {
    return entry_of(code).message;
}
condition condition_of(errc code) noexcept {
    return entry_of(code).kind;
}

}  // namespace dm::http
