#pragma once

#include "base/result.hpp"

namespace dm::yamux {

/// Why a session ended.
enum class errc {
    malformed = 1,     ///< an unknown version, type or flag
    window_violation,  ///< more data than was allowed
    stream_violation,  ///< a stream opened twice, or with an id of ours
    flood,             ///< more to answer than the other side reads
    timed_out,         ///< no answer to a ping
    gone,              ///< the other side said goodbye
};

inline const char* category_name(errc) noexcept {
    return "yamux";
}
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::yamux

template <>
struct std::is_error_code_enum<dm::yamux::errc> : std::true_type {};
