#pragma once

#include "base/result.hpp"

namespace dm::daemon {

/// Why a node cannot start; the detail is the sentence that its operator reads.
enum class errc {
    bad_option = 1,   ///< a flag, environment variable or line of the configuration file
    not_loopback,     ///< an address that other machines reach
    cannot_use_data,  ///< the data folder cannot be made, read or written
    in_use,           ///< another process has the data folder
    bad_identity,     ///< the private key cannot be read
    bad_swarm_key,    ///< the key of the mesh cannot be read
    bad_peerstore,    ///< a line of the file `peerstore`
    bad_operators,    ///< a line of the file `operators`
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::daemon

template <>
struct std::is_error_code_enum<dm::daemon::errc> : std::true_type {};
