#include "control/plan/labels.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "control/plan/errc.hpp"
#include "http/syntax/scan.hpp"
#include "oci/quote.hpp"

namespace dm::plan {

bool matches(const labels& wanted, const labels& all) {
    return std::ranges::all_of(wanted, [&](const auto& label) {
        const auto at = all.find(label.first);
        return at != all.end() && at->second == label.second;
    });
}

bool is_label_text(std::string_view text) noexcept {
    return !text.empty() && text.size() <= label_text_max && syntax::is_alnum(text.front()) &&
           std::ranges::all_of(text, [](char c) {
               return syntax::is_alnum(c) || std::string_view{"._-/"}.contains(c);
           });
}

result<std::pair<std::string, std::string>> parse_label(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !is_label_text(text.substr(0, equals)) ||
        !is_label_text(text.substr(equals + 1)))
        return fail(errc::invalid_field,
                    fmt::format("{} is not a label (expected key=value)", oci::quote(text)));
    return std::pair{std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)}};
}

std::string to_string(const labels& all) {
    std::string out;
    for (const auto& [key, value] : all)
        out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
    return out;
}

}  // namespace dm::plan
