#pragma once

#include "base/result.hpp"

namespace dm::importer {

enum class errc {
    too_large = 1,    ///< the image is over a limit
    nested_too_deep,  ///< an index in an index in an index …
    wrong_size,       ///< a manifest or blob has another size than its descriptor says
    not_an_image,
};

inline const char* category_name(errc) {
    return "importer";
}
const char* name_of(errc e);
const char* message_of(errc e);
condition condition_of(errc e);
inline std::error_code make_error_code(errc e) {
    return {static_cast<int>(e), errc_category<errc>::instance()};
}

}  // namespace dm::importer

template <>
struct std::is_error_code_enum<dm::importer::errc> : std::true_type {};
