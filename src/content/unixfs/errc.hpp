#pragma once

#include "base/result.hpp"

namespace dm::unixfs {

/// Why a block is no UnixFS node, or a path or file cannot be followed.
enum class errc {
    malformed_node = 1,  ///< not dag-pb, or not what UnixFS puts into it
    unsupported_node,    ///< a codec, node type or hash function that UnixFS readers here lack
    size_mismatch,       ///< a block holds another number of file bytes than its parent says
    too_large,           ///< over a named limit
    too_deep,            ///< over the limit of levels
    not_found,           ///< no such entry
    not_a_directory,     ///< a path goes on below a file
    not_a_file,          ///< a directory or symlink where a file is needed
    is_symlink,          ///< a path goes on below a symlink, which is not followed
    bad_name,            ///< empty, ".", "..", or with a slash or NUL
    duplicate_name,      ///< two entries of one directory have one name
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::unixfs

template <>
struct std::is_error_code_enum<dm::unixfs::errc> : std::true_type {};
