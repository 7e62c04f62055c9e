#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/syntax/range.hpp"

namespace dm::syntax {

/// A Content-Range: which bytes a 206 carries, and of how many ("bytes 0-99/200", "bytes 0-99/*");
/// without `range` it is a 416's statement of the size ("bytes */200").
struct content_range {
    std::optional<byte_range> range;
    std::optional<std::uint64_t> total;

    friend bool operator==(const content_range&, const content_range&) = default;
};

/// Spec: RFC 9110 §14.4. A range that ends before it starts or behind the total is refused.
result<content_range> parse_content_range(std::string_view text);

std::string to_string(const content_range& value);

}  // namespace dm::syntax
