#pragma once

#include "base/result.hpp"

namespace dm::api {

/// Why the API refused a request that its collaborators never saw.
enum class errc {
    malformed_body = 1,  ///< 400: not JSON, or not an object
    invalid_field,       ///< 400: a member is missing, of the wrong type, or out of its range
    invalid_parameter,   ///< 400: something in the path or the query
    reserved_key,        ///< 403: a record of ours, which the raw table does not write
    not_found,           ///< 404
    busy,                ///< 409: one of these at a time
    too_many_clients,    ///< 503
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::api

template <>
struct std::is_error_code_enum<dm::api::errc> : std::true_type {};
