#pragma once

#include <string>
#include <string_view>

namespace dm::oci {

/// Longest piece of a stranger's text that goes into an error sentence.
constexpr std::size_t quoted_text_max = 80;

/// The text in double quotes for an error sentence: control and non-ASCII characters as '?', cut
/// with "…" after `quoted_text_max` characters.
std::string quote(std::string_view text);

}  // namespace dm::oci
