#pragma once

#include "base/result.hpp"

namespace dm::transport {

/// Why an image could not be read from or written to a folder, an archive or a registry.
enum class errc {
    malformed_location = 1,  ///< not `oci:DIR` and its like
    not_found,               ///< no such file, image or tag
    malformed_archive,       ///< no tar, or one that contradicts itself
    unsafe_archive,          ///< leads out of itself, or holds what no image has
    too_large,               ///< over a named limit
    wrong_content,           ///< bytes do not match their digest or size
    unsupported,             ///< what the other form cannot hold
    failed,                  ///< the disk or the engine said no
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::transport

template <>
struct std::is_error_code_enum<dm::transport::errc> : std::true_type {};
