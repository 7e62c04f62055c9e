#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dm::engine {

/// Longest image name: repository 255, tag 128, sha512 digest 135, and what joins them.
constexpr std::size_t name_text_max = 520;

/// An image name taken apart. `repository` is never empty, `tag` and `digest` may be.
struct name_parts {
    std::string_view repository;
    std::string_view tag;
    std::string_view digest;
};

/// Takes a name or image id apart into views of `text`. Only what cannot be one at all is refused
/// (`invalid_request`): the engine is the judge of the rest. What passes is safe in a URL path.
result<name_parts> split_name(std::string_view text);

/// The same, but a tag or digest must be there.
result<name_parts> split_full_name(std::string_view text);

/// A name for one tag: no digest.
result<name_parts> split_tag_name(std::string_view text);

/// As people write it and engines show it: without "docker.io/library/" or "docker.io/".
std::string familiar_name(std::string_view name);

}  // namespace dm::engine
