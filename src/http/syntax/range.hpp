#pragma once

#include <cstdint>
#include <string_view>

namespace dm::syntax {

/// Longest Range value that is looked into; a longer one can only ask for many ranges.
constexpr std::size_t range_text_max = 256;

/// `size` bytes from `first` on.
struct byte_range {
    std::uint64_t first = 0;
    std::uint64_t size = 0;

    /// The last byte; `size` > 0.
    std::uint64_t last() const noexcept { return first + size - 1; }
    friend bool operator==(const byte_range&, const byte_range&) = default;
};

/// What a Range header means for a representation.
enum class range_kind {
    whole,          ///< no range, or one that has to be ignored (unit or syntax): 200
    partial,        ///< `range` of it: 206
    unsatisfiable,  ///< starts behind the end, or ends before it starts: 416
    multiple,       ///< several ranges, which we do not serve: 400
};

struct range_request {
    range_kind kind = range_kind::whole;
    byte_range range;  ///< what to send for `whole` and `partial`

    friend bool operator==(const range_request&, const range_request&) = default;
};

/// Reads a Range value ("bytes=0-99", "bytes=500-", "bytes=-500") against `size` bytes; an end
/// behind the last byte is clamped. Empty text is no Range header.
/// Spec: RFC 9110 §14; OCI distribution conformance (500-0 is 416, not ignored).
range_request parse_range(std::string_view text, std::uint64_t size);

}  // namespace dm::syntax
