#pragma once

#include "base/result.hpp"

namespace dm::store {

enum class errc {
    in_use = 1,    ///< another process has the store open
    no_space,      ///< the disk or the size cap leaves no room, even after eviction
    wrong_digest,  ///< all bytes are here, and they are not what the digest says
    wrong_size,    ///< more or fewer bytes than announced
    not_found,
    incomplete,  ///< finish() before the last byte
    damaged,     ///< a stored blob no longer matches its digest
    failed,      ///< the disk said no
};

inline const char* category_name(errc) {
    return "store";
}
const char* name_of(errc e);
const char* message_of(errc e);
condition condition_of(errc e);
inline std::error_code make_error_code(errc e) {
    return {static_cast<int>(e), errc_category<errc>::instance()};
}

}  // namespace dm::store

template <>
struct std::is_error_code_enum<dm::store::errc> : std::true_type {};
