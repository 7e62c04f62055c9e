#include "oci/registry/chunk_range.hpp"

#include "http/syntax/scan.hpp"

namespace dm::registry {

result<syntax::byte_range> parse_chunk_range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == text.npos)
        return fail(errc::upload_invalid, "Content-Range is not of the form 0-1023");
    const auto first = syntax::parse_decimal(text.substr(0, dash));
    const auto last = syntax::parse_decimal(text.substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first == ~std::uint64_t{0})
        return fail(errc::upload_invalid, "Content-Range is not of the form 0-1023");
    return syntax::byte_range{*first, *last - *first + 1};
}

}  // namespace dm::registry
