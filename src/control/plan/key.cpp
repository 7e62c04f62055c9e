#include "control/plan/key.hpp"

#include <fmt/format.h>

#include <array>

namespace dm::plan {
namespace {

constexpr std::string_view suffix = "/rec";

constexpr std::array kinds{record_kind::node, record_kind::label,    record_kind::image,
                           record_kind::name, record_kind::strategy, record_kind::operators};

std::string_view name_of(record_kind kind) {
    switch (kind) {
        case record_kind::node:
            return "node";
        case record_kind::label:
            return "label";
        case record_kind::image:
            return "image";
        case record_kind::name:
            return "name";
        case record_kind::strategy:
            return "strategy";
        case record_kind::operators:
            return "operator";
    }
    return "";
}

}  // namespace

std::string key_prefix(record_kind kind) {
    return fmt::format("{}{}/", record_prefix, name_of(kind));
}

std::string to_string(const record_key& key) {
    return fmt::format("{}{}{}", key_prefix(key.kind), key.id, suffix);
}

std::optional<record_key> parse_record_key(std::string_view text) {
    if (!text.ends_with(suffix))
        return std::nullopt;
    text.remove_suffix(suffix.size());
    for (const auto kind : kinds) {
        const auto prefix = key_prefix(kind);
        if (text.starts_with(prefix) && text.size() > prefix.size())
            return record_key{kind, std::string{text.substr(prefix.size())}};
    }
    return std::nullopt;
}

}  // namespace dm::plan
