#include "content/unixfs/errc.hpp"

namespace dm::unixfs {

const char* category_name(errc) noexcept {
    return "unixfs";
}

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_node:
            return "malformed_node";
        case errc::unsupported_node:
            return "unsupported_node";
        case errc::size_mismatch:
            return "size_mismatch";
        case errc::too_large:
            return "too_large";
        case errc::too_deep:
            return "too_deep";
        case errc::not_found:
            return "not_found";
        case errc::not_a_directory:
            return "not_a_directory";
        case errc::not_a_file:
            return "not_a_file";
        case errc::is_symlink:
            return "is_symlink";
        case errc::bad_name:
            return "bad_name";
        case errc::duplicate_name:
            return "duplicate_name";
    }
    return "unknown";
}

const char* message_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_node:
            return "malformed UnixFS node";
        case errc::unsupported_node:
            return "UnixFS node of an unsupported kind";
        case errc::size_mismatch:
            return "block has another size than its parent says";
        case errc::too_large:
            return "UnixFS tree is too large";
        case errc::too_deep:
            return "UnixFS tree is too deep";
        case errc::not_found:
            return "no such entry";
        case errc::not_a_directory:
            return "not a directory";
        case errc::not_a_file:
            return "not a file";
        case errc::is_symlink:
            return "path leads through a symlink";
        case errc::bad_name:
            return "not a file name";
        case errc::duplicate_name:
            return "two entries with one name";
    }
    return "unknown error";
}

condition condition_of(errc code) noexcept {
    switch (code) {
        case errc::malformed_node:
        case errc::size_mismatch:
            return condition::corrupt;
        case errc::unsupported_node:
            return condition::unsupported;
        case errc::too_large:
        case errc::too_deep:
            return condition::too_large;
        case errc::not_found:
        case errc::not_a_directory:
            return condition::not_found;
        case errc::not_a_file:
        case errc::is_symlink:
            return condition::unprocessable;
        case errc::bad_name:
            return condition::invalid;
        case errc::duplicate_name:
            return condition::conflict;
    }
    return condition::internal;
}

}  // namespace dm::unixfs
