#pragma once

#include "base/result.hpp"

namespace dm::cli {

/// Why a command failed; the detail is the sentence that is printed.
enum class errc {
    no_node = 1,  ///< nothing answers at the address
    refused,      ///< the node said no
    bad_answer,   ///< what answers is no node of ours, or one of another version
    failed,       ///< what the node tried did not work out
    bad_input,    ///< a file or argument
    cannot_write,
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::cli

template <>
struct std::is_error_code_enum<dm::cli::errc> : std::true_type {};
