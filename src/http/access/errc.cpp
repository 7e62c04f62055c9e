#include "http/access/errc.hpp"

namespace dm::access {

const char* name_of(errc e) {
    switch (e) {
        case errc::unknown_caller:
            return "unauthorized";
        case errc::not_allowed:
            return "forbidden";
        case errc::too_many_failures:
            return "too_many_failures";
        case errc::bad_file:
            return "bad_access_file";
    }
    return "unknown";
}

const char* message_of(errc e) {
    switch (e) {
        case errc::unknown_caller:
            return "this needs a name and password, or a token, that is known here";
        case errc::not_allowed:
            return "you may not do this";
        case errc::too_many_failures:
            return "too many failed attempts: try again in a minute";
        case errc::bad_file:
            return "the file cannot be understood";
    }
    return "unknown error";
}

condition condition_of(errc e) {
    switch (e) {
        case errc::unknown_caller:
            return condition::unauthorized;
        case errc::not_allowed:
            return condition::forbidden;
        case errc::too_many_failures:
            return condition::rate_limited;
        case errc::bad_file:
            return condition::invalid;
    }
    return condition::internal;
}

}  // namespace dm::access
