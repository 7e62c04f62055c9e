#include "oci/upstream/errc.hpp"

namespace dm::upstream {
namespace {

struct entry {
    const char* name;
    const char* message;
    condition kind;
};

entry entry_of(errc code) noexcept {
    switch (code) {
        case errc::not_found:
            return {"not_found", "unknown to the registry", condition::not_found};
        case errc::unauthorized:
            return {"unauthorized", "the registry wants other credentials",
                    condition::unauthorized};
        case errc::denied:
            return {"denied", "the registry refuses this", condition::forbidden};
        case errc::rate_limited:
            return {"rate_limited", "the registry allows no more requests for now",
                    condition::rate_limited};
        case errc::unavailable:
            return {"unavailable", "the registry is not available", condition::unavailable};
        case errc::timed_out:
            return {"timed_out", "the registry does not answer", condition::timed_out};
        case errc::corrupt:
            return {"corrupt", "the registry sent something wrong", condition::corrupt};
        case errc::too_large:
            return {"too_large", "the registry sent too much", condition::too_large};
        case errc::bad_mapping:
            return {"bad_mapping", "not HOST=URL", condition::invalid};
        case errc::bad_credentials:
            return {"bad_credentials", "stored credentials cannot be used",
                    condition::unauthorized};
    }
    return {"upstream", "unknown", condition::internal};
}

}  // namespace

const char* category_name(errc) noexcept {
    return "upstream";
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

}  // namespace dm::upstream
