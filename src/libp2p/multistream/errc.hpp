#pragma once

#include "base/result.hpp"

namespace dm::multistream {

/// Why a negotiation failed.
enum class errc {
    malformed = 1,   ///< not multistream-select 1.0
    too_long,        ///< a message over message_bytes_max
    too_many,        ///< more than proposals_max proposals
    none_in_common,  ///< every proposal was refused
};

inline const char* category_name(errc) noexcept {
    return "multistream";
}
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::multistream

template <>
struct std::is_error_code_enum<dm::multistream::errc> : std::true_type {};
