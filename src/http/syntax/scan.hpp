#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm::syntax {

/// Character classes and small scanners that all HTTP grammars share; ASCII, no locale.

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) noexcept {
    return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}
constexpr bool is_alnum(char c) noexcept {
    return is_digit(c) || is_lower(c) || is_upper(c);
}
constexpr bool is_space(char c) noexcept {
    return c == ' ' || c == '\t';
}
/// Spec: RFC 9110 §5.6.2 `tchar`.
constexpr bool is_token_char(char c) noexcept {
    return is_alnum(c) || std::string_view{"!#$%&'*+-.^_`|~"}.contains(c);
}

constexpr char to_lower(char c) noexcept {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string to_lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) { return to_lower(c); });
    return out;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

/// Without spaces and tabs at both ends.
constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

/// Digits only, all of them; nullopt for anything else and for values of 2^64 or more.
inline std::optional<std::uint64_t> parse_decimal(std::string_view text) {
    std::uint64_t value = 0;
    if (text.empty() || !is_digit(text.front()))
        return std::nullopt;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

}  // namespace dm::syntax
