#include "oci/quote.hpp"

namespace dm::oci {

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, quoted_text_max))
        out += c < ' ' || c >= 0x7f || c == '"' ? '?' : c;
    out += text.size() > quoted_text_max ? "…\"" : "\"";
    return out;
}

}  // namespace dm::oci
