#include "http/syntax/range.hpp"

#include <limits>
#include <optional>

#include "http/syntax/scan.hpp"

namespace dm::syntax {
namespace {

constexpr auto position_max = std::numeric_limits<std::uint64_t>::max();

// Positions of 2^64 and more are as good as the largest one: both are behind any end.
std::optional<std::uint64_t> parse_position(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, is_digit))
        return std::nullopt;
    return parse_decimal(text).value_or(position_max);
}

// The only non-empty element of a comma-separated list; nullopt when there are several.
std::optional<std::string_view> only_element(std::string_view list) {
    std::string_view found;
    while (true) {
        const auto comma = list.find(',');
        const auto element = trim(list.substr(0, comma));
        if (!element.empty() && !found.empty())
            return std::nullopt;
        if (!element.empty())
            found = element;
        if (comma == std::string_view::npos)
            return found;
        list.remove_prefix(comma + 1);
    }
}

range_request suffix(std::uint64_t count, std::uint64_t size) {
    if (count == 0 || size == 0)
        return {range_kind::unsatisfiable, {}};
    const auto length = std::min(count, size);
    return {range_kind::partial, {size - length, length}};
}

}  // namespace

range_request parse_range(std::string_view text, std::uint64_t size) {
    const range_request whole{range_kind::whole, {0, size}};
    if (text.size() > range_text_max)
        return {range_kind::multiple, {}};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos ||
        !equals_ignoring_case(trim(text.substr(0, equals)), "bytes"))
        return whole;
    const auto element = only_element(text.substr(equals + 1));
    if (!element)
        return {range_kind::multiple, {}};
    const auto dash = element->find('-');
    if (dash == std::string_view::npos)
        return whole;
    const auto first_text = trim(element->substr(0, dash));
    const auto last_text = trim(element->substr(dash + 1));
    const auto first = parse_position(first_text);
    const auto last = last_text.empty() ? position_max : parse_position(last_text);
    if (!last || (!first && !first_text.empty()))
        return whole;
    if (!first)
        return last_text.empty() ? whole : suffix(*last, size);
    // Clients that split blobs ask for 0- of an empty one too: that is all of it.
    if (size == 0 && *first == 0 && last_text.empty())
        return whole;
    if (*first >= size || *last < *first)
        return {range_kind::unsatisfiable, {}};
    return {range_kind::partial, {*first, std::min(*last, size - 1) - *first + 1}};
}

}  // namespace dm::syntax
