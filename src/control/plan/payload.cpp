#include "control/plan/payload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json/read.hpp"
#include "control/plan/errc.hpp"
#include "http/syntax/scan.hpp"
#include "oci/quote.hpp"

namespace dm::plan {
namespace {

constexpr json::read_limits payload_limits{
    .bytes_max = payload_bytes_max, .depth_max = 16, .values_max = 4096};

using refusal = std::unexpected<field_error>;

refusal refuse(std::string_view field, std::string sentence, errc code = errc::invalid_field) {
    return refusal(field_error{std::string{field}, error{code, std::move(sentence)}});
}

// For the sentence only: "50" in quotes, numbers and the like as they are.
std::string shown(const nlohmann::json& value) {
    if (const auto* text = value.get_ptr<const std::string*>())
        return oci::quote(*text);
    return json::write(value).substr(0, oci::quoted_text_max);
}

std::expected<strategy_type, field_error> read_type(const nlohmann::json& payload) {
    const auto* value = json::member(payload, "type");
    if (value == nullptr)
        return refuse("type", R"(type is missing: use "percentage" or "target")");
    const auto* text = value->get_ptr<const std::string*>();
    const auto type = text != nullptr ? strategy_type_named(*text) : std::nullopt;
    if (!type)
        return refuse("type",
                      fmt::format(R"({} is not a strategy type: use "percentage" or "target")",
                                  shown(*value)));
    return *type;
}

std::expected<oci::reference, field_error> read_image(const nlohmann::json& payload) {
    const auto* value = json::member(payload, "nametag");
    if (value == nullptr)
        return refuse("nametag", "nametag is missing: which image?");
    const auto* text = value->get_ptr<const std::string*>();
    if (text == nullptr)
        return refuse("nametag", fmt::format("nametag has to be a string, not {}", shown(*value)));
    auto image = oci::parse_reference(*text);
    if (!image)
        return refusal(field_error{"nametag", image.error()});
    return *std::move(image);
}

std::expected<unsigned, field_error> read_percentage(const nlohmann::json& payload) {
    const auto* value = json::member(payload, "percentage");
    if (value == nullptr)
        return refuse("percentage", "percentage is missing: 1 to 100");
    if (!value->is_number())
        return refuse("percentage",
                      fmt::format("percentage has to be a number, not {}", shown(*value)));
    const auto number = value->get<double>();
    if (number != std::floor(number))
        return refuse("percentage",
                      fmt::format("percentage has to be a whole number, not {}", shown(*value)));
    if (number < 1 || number > 100)
        return refuse("percentage",
                      fmt::format("percentage has to be 1 to 100, not {}", shown(*value)));
    return static_cast<unsigned>(number);
}

std::expected<std::vector<multiformats::peer_id>, field_error> read_targets(
    const nlohmann::json& payload) {
    const auto* text = json::string_member(payload, "target");
    if (text == nullptr || syntax::trim(*text).empty())
        return refuse("target", "target is missing: the peer id of a node");
    std::vector<multiformats::peer_id> out;
    std::string_view rest = *text;
    while (true) {
        const auto comma = rest.find(',');
        const auto one = syntax::trim(rest.substr(0, comma));
        auto id = multiformats::parse_peer_id(one);
        if (!id)
            return refuse("target", fmt::format("target {} is not a peer id", oci::quote(one)),
                          errc::invalid_target);
        if (out.size() == strategy_targets_max)
            return refuse("target", fmt::format("more than {} targets", strategy_targets_max));
        out.push_back(*id);
        if (comma == std::string_view::npos)
            break;
        rest.remove_prefix(comma + 1);
    }
    std::ranges::sort(out);
    const auto repeated = std::ranges::unique(out);
    out.erase(repeated.begin(), repeated.end());
    return out;
}

std::expected<labels, field_error> read_selector(const nlohmann::json& payload) {
    labels out;
    const auto* value = json::member(payload, "selector");
    if (value == nullptr || value->is_null())
        return out;
    if (!value->is_object())
        return refuse("selector", "selector has to be an object of labels");
    if (value->size() > labels_max)
        return refuse("selector", fmt::format("selector has more than {} labels", labels_max));
    for (const auto& [key, text] : value->items()) {
        const auto* label = text.get_ptr<const std::string*>();
        if (label == nullptr || !is_label_text(key) || !is_label_text(*label))
            return refuse("selector",
                          fmt::format("{}={} is not a label", oci::quote(key), shown(text)));
        out.emplace(key, *label);
    }
    return out;
}

std::expected<bool, field_error> read_bool(const nlohmann::json& payload, std::string_view field,
                                           bool otherwise) {
    const auto* value = json::member(payload, field);
    if (value == nullptr)
        return otherwise;
    if (!value->is_boolean())
        return refuse(field,
                      fmt::format("{} has to be true or false, not {}", field, shown(*value)));
    return value->get<bool>();
}

// What depends on the type.
std::expected<void, field_error> read_where(const nlohmann::json& payload, strategy_request& out) {
    if (out.type == strategy_type::percentage) {
        const auto percentage = read_percentage(payload);
        if (!percentage)
            return refusal(percentage.error());
        out.percentage = *percentage;
        return {};
    }
    auto targets = read_targets(payload);
    if (!targets)
        return refusal(targets.error());
    out.targets = *std::move(targets);
    return {};
}

}  // namespace

std::expected<strategy_request, field_error> parse_strategy_payload(std::string_view text) {
    const auto payload = json::read(text, payload_limits);
    if (!payload && payload.error() == json::read_error::too_large)
        return refuse("", "the strategy is too large", errc::malformed_payload);
    if (!payload || !payload->is_object())
        return refuse("", "the strategy is not a JSON object", errc::malformed_payload);
    strategy_request out;
    const auto type = read_type(*payload);
    if (!type)
        return refusal(type.error());
    out.type = *type;
    auto image = read_image(*payload);
    if (!image)
        return refusal(image.error());
    out.image = *std::move(image);
    if (auto where = read_where(*payload, out); !where)
        return refusal(where.error());
    auto selector = read_selector(*payload);
    if (!selector)
        return refusal(selector.error());
    out.selector = *std::move(selector);
    const auto execute = read_bool(*payload, "execute", true);
    if (!execute)
        return refusal(execute.error());
    out.execute = *execute;
    const auto replace = read_bool(*payload, "replace", false);
    if (!replace)
        return refusal(replace.error());
    out.replace = *replace;
    return out;
}

}  // namespace dm::plan
