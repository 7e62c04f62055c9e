#pragma once

#include "base/result.hpp"

namespace dm::trust {

enum class errc {
    malformed_envelope = 1,  ///< not a record with author, sequence number and signature
    bad_signature,           ///< not signed by its author, or under another key
    not_operator,            ///< this node may not write such records: 403
    not_senior,              ///< only those who are above an operator may remove it: 403
    unknown_operator,        ///< 404
    too_many_operators,      ///< operators_max
    no_operators,            ///< every member steers: there is no list to change: 409
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::trust

template <>
struct std::is_error_code_enum<dm::trust::errc> : std::true_type {};
