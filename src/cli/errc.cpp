#include "cli/errc.hpp"

namespace dm::cli {

const char* category_name(errc) noexcept {
    return "cli";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::no_node:
            return "no_node";
        case errc::refused:
            return "refused";
        case errc::bad_answer:
            return "bad_answer";
        case errc::failed:
            return "failed";
        case errc::bad_input:
            return "bad_input";
        case errc::cannot_write:
            return "cannot_write";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::no_node:
            return "no node answers";
        case errc::refused:
            return "the node refused";
        case errc::bad_answer:
            return "the node's answer makes no sense";
        case errc::failed:
            return "it did not work out";
        case errc::bad_input:
            return "the input is wrong";
        case errc::cannot_write:
            return "cannot write";
    }
    return "unknown failure";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::no_node:
            return condition::unavailable;
        case errc::bad_input:
        case errc::refused:
            return condition::invalid;
        case errc::bad_answer:
            return condition::corrupt;
        case errc::failed:
        case errc::cannot_write:
            return condition::internal;
    }
    return condition::internal;
}

}  // namespace dm::cli
