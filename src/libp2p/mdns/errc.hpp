#pragma once

#include "base/result.hpp"

namespace dm::mdns {

enum class errc {
    malformed_packet = 1,  ///< not a DNS message
    no_network,            ///< no interface to search on
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::mdns

template <>
struct std::is_error_code_enum<dm::mdns::errc> : std::true_type {};
