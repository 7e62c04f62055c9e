#include "base/json/read.hpp"

#include <limits>

namespace dm::json {

namespace {

// Counted before anything is allocated: a megabyte of brackets would become a hundred of values.
bool is_within(std::string_view text, const read_limits& limits) {
    std::size_t depth = 0;
    std::size_t values = 1;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == ',') {
            ++values;
        } else if (c == '[' || c == '{') {
            ++values;
            if (++depth > limits.depth_max)
                return false;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return values <= limits.values_max;
}

}  // namespace

std::expected<nlohmann::json, read_error> read(std::string_view text, const read_limits& limits) {
    if (text.size() > limits.bytes_max || !is_within(text, limits))
        return std::unexpected(read_error::too_large);
    auto out = nlohmann::json::parse(text, nullptr, false);
    if (out.is_discarded())
        return std::unexpected(read_error::malformed);
    return out;
}

const nlohmann::json* member(const nlohmann::json& value, std::string_view key) {
    if (!value.is_object())
        return nullptr;
    const auto at = value.find(key);
    return at == value.end() ? nullptr : &*at;
}

const std::string* string_member(const nlohmann::json& value, std::string_view key) {
    const auto* found = member(value, key);
    return found != nullptr ? found->get_ptr<const std::string*>() : nullptr;
}

std::optional<std::uint64_t> unsigned_member(const nlohmann::json& value, std::string_view key) {
    const auto* found = member(value, key);
    if (found == nullptr || !found->is_number_unsigned())
        return std::nullopt;
    const auto number = found->get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    return number;
}

std::optional<bool> bool_member(const nlohmann::json& value, std::string_view key) {
    const auto* found = member(value, key);
    return found != nullptr && found->is_boolean() ? std::optional(found->get<bool>())
                                                   : std::nullopt;
}

std::string write(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace dm::json
