#pragma once

#include "base/result.hpp"

namespace dm::pnet {

enum class errc {
    malformed_key = 1,  ///< not a swarm key
    other_network,      ///< the peer has not the key of this private network
};

inline const char* category_name(errc) noexcept {
    return "pnet";
}
inline const char* name_of(errc code) noexcept {
    return code == errc::other_network ? "other_network" : "malformed_swarm_key";
}
inline const char* message_of(errc code) noexcept {
    return code == errc::other_network
               ? "the peer has another key than this private mesh, or none"
               : "not a swarm key: three lines, /key/swarm/psk/1.0.0/, /base16/ and 64 hex digits";
}
inline condition condition_of(errc code) noexcept {
    return code == errc::other_network ? condition::forbidden : condition::invalid;
}

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::pnet

template <>
struct std::is_error_code_enum<dm::pnet::errc> : std::true_type {};
