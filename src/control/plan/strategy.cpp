#include "control/plan/strategy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.hpp"
#include "crypto/hash.hpp"

namespace dm::plan {
namespace {

constexpr std::size_t id_bytes = 8;
constexpr std::size_t key_text_max = 64 * 1024;

std::string targets_text(const std::vector<multiformats::peer_id>& targets) {
    std::string out;
    for (const auto& t : targets)
        out += fmt::format("{}{}", out.empty() ? "" : ",", t.to_string());
    return out;
}

struct key_parts {
    std::string_view type;
    std::string_view nametag;
    std::string_view value;  // percentage or targets
    std::string_view flag;
};

// Only the name may hold a '-', so the other parts are cut off at both ends.
std::optional<key_parts> split_key(std::string_view key) {
    const auto first = key.find('-');
    const auto last = key.rfind('-');
    if (first == std::string_view::npos || first == last || key.size() > key_text_max)
        return std::nullopt;
    const auto middle = key.substr(first + 1, last - first - 1);
    const auto dash = middle.rfind('-');
    if (dash == std::string_view::npos)
        return std::nullopt;
    return key_parts{key.substr(0, first), middle.substr(0, dash), middle.substr(dash + 1),
                     key.substr(last + 1)};
}

// In any order and either spelling of the ids.
bool names_targets(std::string_view text, const std::vector<multiformats::peer_id>& targets) {
    std::vector<multiformats::peer_id> named;
    while (true) {
        const auto comma = text.find(',');
        auto id = multiformats::parse_peer_id(text.substr(0, comma));
        if (!id || named.size() == targets.size())
            return false;
        named.push_back(*id);
        if (comma == std::string_view::npos)
            break;
        text.remove_prefix(comma + 1);
    }
    std::ranges::sort(named);
    return named == targets;
}

bool is_named_by(const strategy& s, const key_parts& key, const oci::reference& image) {
    if (name_of(s.type) != key.type || s.image != image ||
        key.flag != (s.execute ? "active" : "inactive"))
        return false;
    return s.type == strategy_type::percentage ? key.value == fmt::format("{}", s.percentage)
                                               : names_targets(key.value, s.targets);
}

}  // namespace

std::string_view name_of(strategy_type type) noexcept {
    return type == strategy_type::percentage ? "percentage" : "target";
}

std::optional<strategy_type> strategy_type_named(std::string_view text) noexcept {
    for (const auto type : {strategy_type::percentage, strategy_type::target})
        if (text == name_of(type))
            return type;
    return std::nullopt;
}

std::string id_of(const strategy_request& s) {
    auto identity = to_bytes(name_of(s.type));
    identity.push_back(std::byte{0});
    append(identity, s.image.canonical());
    for (const auto& [key, value] : s.selector) {
        identity.push_back(std::byte{0});
        append(identity, key);
        identity.push_back(std::byte{0});
        append(identity, value);
    }
    return to_hex(byte_view{crypto::sha256(identity)}.first(id_bytes));
}

std::string prototype_key(const strategy_request& s) {
    return fmt::format("{}-{}-{}-{}", name_of(s.type), s.image.familiar(),
                       s.type == strategy_type::percentage ? fmt::format("{}", s.percentage)
                                                           : targets_text(s.targets),
                       s.execute ? "active" : "inactive");
}

const strategy* find_strategy(std::span<const strategy> all, std::string_view key) {
    for (const auto& s : all)
        if (id_of(s) == key)
            return &s;
    const auto parts = split_key(key);
    if (!parts)
        return nullptr;
    const auto image = oci::parse_reference(parts->nametag);
    if (!image)
        return nullptr;
    const strategy* found = nullptr;
    for (const auto& s : all)
        if (is_named_by(s, *parts, *image) && (found == nullptr || s.selector.empty()))
            found = &s;
    return found;
}

}  // namespace dm::plan
