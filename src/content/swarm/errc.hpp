#pragma once

#include "base/result.hpp"

namespace dm::swarm {

/// Why what a peer sent was refused.
enum class errc {
    malformed_message = 1,  ///< not a message of /distromash/blob/1
    too_large,              ///< over a named limit
    out_of_order,           ///< a message that may not come here
    unsupported_version,    ///< a newer protocol
    wrong_block,            ///< bytes that are not what their hash says
    not_found,              ///< no peer has it
    given_up,               ///< peers had it, and did not deliver
};

inline const char* category_name(errc) {
    return "swarm";
}
const char* name_of(errc e);
const char* message_of(errc e);
condition condition_of(errc e);
inline std::error_code make_error_code(errc e) {
    return {static_cast<int>(e), errc_category<errc>::instance()};
}

}  // namespace dm::swarm

template <>
struct std::is_error_code_enum<dm::swarm::errc> : std::true_type {};
