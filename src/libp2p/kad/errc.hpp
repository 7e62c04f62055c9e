#pragma once

#include "base/result.hpp"

namespace dm::kad {

enum class errc {
    malformed_message = 1,  ///< not a kad-dht message, or not one that means anything
    refused,                ///< a request that this node does not serve
    no_servers,             ///< nobody to ask: no DHT server is known
    stopped,                ///< the DHT is going down
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::kad

template <>
struct std::is_error_code_enum<dm::kad::errc> : std::true_type {};
