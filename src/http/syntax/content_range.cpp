#include "http/syntax/content_range.hpp"

#include <fmt/format.h>

#include <limits>

#include "http/syntax/errc.hpp"
#include "http/syntax/scan.hpp"

namespace dm::syntax {
namespace {

result<byte_range> parse_positions(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos)
        return fail(errc::malformed_content_range);
    const auto first = parse_decimal(trim(text.substr(0, dash)));
    const auto last = parse_decimal(trim(text.substr(dash + 1)));
    if (!first || !last || *last < *first || *last == std::numeric_limits<std::uint64_t>::max())
        return fail(errc::malformed_content_range);
    return byte_range{*first, *last - *first + 1};
}

}  // namespace

result<content_range> parse_content_range(std::string_view text) {
    text = trim(text);
    const auto space = text.find(' ');
    const auto slash = text.find('/');
    if (space == std::string_view::npos || slash == std::string_view::npos || slash < space ||
        !equals_ignoring_case(text.substr(0, space), "bytes"))
        return fail(errc::malformed_content_range);
    const auto positions = trim(text.substr(space, slash - space));
    const auto total_text = trim(text.substr(slash + 1));

    content_range out;
    if (total_text != "*") {
        out.total = parse_decimal(total_text);
        if (!out.total)
            return fail(errc::malformed_content_range);
    }
    if (positions == "*") {
        if (!out.total)
            return fail(errc::malformed_content_range);
        return out;
    }
    const auto range = parse_positions(positions);
    if (!range)
        return fail(range.error());
    if (out.total && range->last() >= *out.total)
        return fail(errc::malformed_content_range);
    out.range = *range;
    return out;
}

std::string to_string(const content_range& value) {
    const auto range =
        value.range ? fmt::format("{}-{}", value.range->first, value.range->last()) : "*";
    const auto total = value.total ? fmt::format("{}", *value.total) : "*";
    return fmt::format("bytes {}/{}", range, total);
}

}  // namespace dm::syntax
