// links: http_syntax
// Range, Content-Range and Retry-After: what is read lies within what there is.
#include <cstring>
#include <span>

#include "base/bytes.hpp"
#include "http/syntax/content_range.hpp"
#include "http/syntax/range.hpp"
#include "http/syntax/retry_after.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::syntax;

namespace {

void check_range(std::string_view text, std::uint64_t size) {
    const auto r = parse_range(text, size);
    switch (r.kind) {
        case range_kind::whole:
            require(r.range == byte_range{0, size});
            break;
        case range_kind::partial:
            require(r.range.size > 0 && r.range.first < size);
            require(r.range.size <= size - r.range.first);
            break;
        case range_kind::unsatisfiable:
        case range_kind::multiple:
            require(r.range == byte_range{});
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_chars(std::as_bytes(std::span{data, size}));
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2048}, ~std::uint64_t{0}})
        check_range(text, length);
    if (const auto read = parse_content_range(text)) {
        require(read->range || read->total);
        require(parse_content_range(to_string(*read)) == *read);
    }
    std::int64_t now = 0;
    if (size >= sizeof now)
        std::memcpy(&now, data, sizeof now);
    for (const auto at : {wall_time{}, wall_time{wall_time::duration{now}}})
        if (const auto wait = parse_retry_after(text, at))
            require(wait->count() >= 0 && *wait <= retry_after_max);
    return 0;
}
