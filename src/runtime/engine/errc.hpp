#pragma once

#include "base/result.hpp"

namespace dm::engine {

/// Why a container engine did not do what was asked.
enum class errc {
    unavailable = 1,     ///< not running, restarting, no permission, or it does not answer
    unsupported_engine,  ///< it answers, but in no API version that we speak
    no_such_image,       ///< neither the engine nor, for a pull, the registry has it
    no_such_platform,    ///< the image exists, but not for the platform asked for
    invalid_request,     ///< a name or platform that no engine accepts
    no_space,            ///< the engine's disk is full
    pull_failed,         ///< the engine could not pull: its own words are in the detail
    stalled,             ///< a pull without a sign of life for too long
    malformed_answer,    ///< not what an engine says
    refused,             ///< anything else that the engine answered with an error
    no_engine,           ///< this node keeps images in its store only
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::engine

template <>
struct std::is_error_code_enum<dm::engine::errc> : std::true_type {};
