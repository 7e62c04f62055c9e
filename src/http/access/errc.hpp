#pragma once

#include "base/result.hpp"

namespace dm::access {

enum class errc {
    unknown_caller = 1,  ///< no credentials, or wrong ones
    not_allowed,
    too_many_failures,
    bad_file,  ///< a file of passwords, tokens or rules that cannot be understood
};

inline const char* category_name(errc) {
    return "access";
}
const char* name_of(errc e);
const char* message_of(errc e);
condition condition_of(errc e);
inline std::error_code make_error_code(errc e) {
    return {static_cast<int>(e), errc_category<errc>::instance()};
}

}  // namespace dm::access

template <>
struct std::is_error_code_enum<dm::access::errc> : std::true_type {};
