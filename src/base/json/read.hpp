#pragma once

#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

/// Reading JSON that others wrote. Include this in .cpp files only: it is heavy.
namespace dm::json {

/// Bounds on what a text may make us allocate: a JSON value costs up to 40 times its text.
struct read_limits {
    std::size_t bytes_max = 1 << 20;
    std::size_t depth_max = 32;
    std::size_t values_max = 50'000;  ///< an upper bound: one, and one a comma and opening bracket
};

enum class read_error { malformed, too_large };

/// The value of `text`, which is UTF-8 JSON and nothing else; of repeated keys the last one
/// counts. Never throws.
std::expected<nlohmann::json, read_error> read(std::string_view text,
                                               const read_limits& limits = {});

/// Member `key` of an object; nullptr when `value` is no object or has no such member.
const nlohmann::json* member(const nlohmann::json& value, std::string_view key);

/// The member when it is a string; nullptr otherwise.
const std::string* string_member(const nlohmann::json& value, std::string_view key);

/// The member when it is a whole number in 0..2^63-1 (written without a fraction or exponent).
std::optional<std::uint64_t> unsigned_member(const nlohmann::json& value, std::string_view key);

std::optional<bool> bool_member(const nlohmann::json& value, std::string_view key);

/// Compact text; bytes that are no UTF-8 become U+FFFD.
std::string write(const nlohmann::json& value);

}  // namespace dm::json
