#include "http/syntax/media_type.hpp"

#include "http/syntax/scan.hpp"

namespace dm::syntax {

std::string media_type_essence(std::string_view text) {
    return to_lower(trim(text.substr(0, text.find(';'))));
}

}  // namespace dm::syntax
