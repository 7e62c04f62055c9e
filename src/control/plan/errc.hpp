#pragma once

#include "base/result.hpp"

namespace dm::plan {

/// Why a request or a record of the fleet's state was refused.
enum class errc {
    malformed_payload = 1,  ///< not a JSON object, or too large
    invalid_field,          ///< a member is missing, of the wrong type, or out of its range
    invalid_target,         ///< a target is not a peer id
    malformed_record,       ///< not a record of ours
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::plan

template <>
struct std::is_error_code_enum<dm::plan::errc> : std::true_type {};
