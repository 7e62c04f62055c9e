#pragma once

#include "base/result.hpp"

namespace dm::crypto {

/// Why a digest, hash state, key or encoded text was refused.
enum class errc {
    malformed_digest = 1,   ///< not `algorithm:encoded`, or the wrong length or letters
    unsupported_algorithm,  ///< a well-formed digest of an algorithm that we do not compute
    malformed_state,        ///< not a hash state that we exported
    malformed_base64,       ///< foreign letters, wrong padding, or stray bits at the end
    malformed_key,          ///< not the encoding of a key, or not its canonical one
    unsupported_key,        ///< a key type, size or curve that we refuse
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::crypto

template <>
struct std::is_error_code_enum<dm::crypto::errc> : std::true_type {};
