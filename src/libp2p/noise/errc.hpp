#pragma once

#include "base/result.hpp"

namespace dm::noise {

/// Why a handshake or a frame was refused.
enum class errc {
    too_long = 1,     ///< a handshake message over handshake_bytes_max
    malformed,        ///< not the message or payload that is expected
    not_authentic,    ///< decryption failed: other keys, or changed bytes
    wrong_signature,  ///< the identity key did not sign the key that is used
    wrong_peer,       ///< another peer than the one that was dialled
};

inline const char* category_name(errc) noexcept {
    return "noise";
}
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::noise

template <>
struct std::is_error_code_enum<dm::noise::errc> : std::true_type {};
