#pragma once

#include "base/result.hpp"

namespace dm::agent {

enum class errc {
    unknown_strategy = 1,
    unknown_image,
    unknown_content,  ///< a CID that is not here
    image_in_use,     ///< a strategy wants it
    ambiguous_key,    ///< several strategies go by that key
    wrong_image,      ///< the engine has another image than it was told to load
    name_taken,       ///< somebody else gave the name to another image
    stopping,
    unknown_node,
    node_is_online,  ///< it would come back
    too_many_labels,
};

inline const char* category_name(errc) {
    return "agent";
}
const char* name_of(errc e);
const char* message_of(errc e);
condition condition_of(errc e);
inline std::error_code make_error_code(errc e) {
    return {static_cast<int>(e), errc_category<errc>::instance()};
}

}  // namespace dm::agent

template <>
struct std::is_error_code_enum<dm::agent::errc> : std::true_type {};
