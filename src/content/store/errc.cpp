#include "content/store/errc.hpp"

namespace dm::store {

const char* name_of(errc e) {
    switch (e) {
        case errc::in_use:
            return "in_use";
        case errc::no_space:
            return "no_space";
        case errc::wrong_digest:
            return "wrong_digest";
        case errc::wrong_size:
            return "wrong_size";
        case errc::not_found:
            return "not_found";
        case errc::incomplete:
            return "incomplete";
        case errc::damaged:
            return "damaged";
        case errc::failed:
            return "failed";
    }
    return "store";
}

const char* message_of(errc e) {
    switch (e) {
        case errc::in_use:
            return "the store is in use by another process";
        case errc::no_space:
            return "no space left";
        case errc::wrong_digest:
            return "the content does not match its digest";
        case errc::wrong_size:
            return "the content does not have the announced size";
        case errc::not_found:
            return "not in the store";
        case errc::incomplete:
            return "not all bytes have arrived";
        case errc::damaged:
            return "a stored blob is damaged";
        case errc::failed:
            return "the store's disk failed";
    }
    return "unknown";
}

condition condition_of(errc e) {
    switch (e) {
        case errc::in_use:
            return condition::conflict;
        case errc::no_space:
            return condition::no_space;
        case errc::wrong_digest:
        case errc::wrong_size:
        case errc::damaged:
            return condition::corrupt;
        case errc::not_found:
            return condition::not_found;
        case errc::incomplete:
        case errc::failed:
            return condition::internal;
    }
    return condition::internal;
}

}  // namespace dm::store
