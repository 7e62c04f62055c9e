#pragma once

#include "base/result.hpp"

namespace dm::bitswap {

enum class errc {
    malformed_message = 1,  ///< not a bitswap message
    malformed_block,        ///< a block whose prefix is none, or over the limit
    not_found,              ///< nobody who was asked has the block
    stopped,                ///< the exchange is going down
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::bitswap

template <>
struct std::is_error_code_enum<dm::bitswap::errc> : std::true_type {};
