#include "mesh/trust/errc.hpp"

namespace dm::trust {

const char* category_name(errc) noexcept {
    return "trust";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_envelope:
            return "malformed_envelope";
        case errc::bad_signature:
            return "bad_signature";
        case errc::not_operator:
            return "not_operator";
        case errc::not_senior:
            return "not_senior";
        case errc::unknown_operator:
            return "unknown_operator";
        case errc::too_many_operators:
            return "too_many_operators";
        case errc::no_operators:
            return "no_operators";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_envelope:
            return "the record is not signed as it should be";
        case errc::bad_signature:
            return "the signature is not its author's";
        case errc::not_operator:
            return "this node is no operator of the mesh";
        case errc::not_senior:
            return "only an operator above that one may remove it";
        case errc::unknown_operator:
            return "that node is no operator";
        case errc::too_many_operators:
            return "there are too many operators";
        case errc::no_operators:
            return "in this mesh every member steers: it has no operators";
    }
    return "unknown failure";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_envelope:
        case errc::bad_signature:
            return condition::corrupt;
        case errc::not_operator:
        case errc::not_senior:
            return condition::forbidden;
        case errc::unknown_operator:
            return condition::not_found;
        case errc::too_many_operators:
        case errc::no_operators:
            return condition::conflict;
    }
    return condition::internal;
}

}  // namespace dm::trust
