#include "control/plan/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "base/json/read.hpp"
#include "control/plan/errc.hpp"
#include "control/plan/record_json.hpp"

namespace dm::plan {
namespace {

using namespace record_json;

nlohmann::json to_json(const labels& all) {
    auto out = nlohmann::json::object();
    for (const auto& [key, value] : all)
        out[key] = value;
    return out;
}

result<labels> labels_member(const nlohmann::json& record, std::string_view key) {
    labels out;
    const auto* value = json::member(record, key);
    if (value == nullptr)
        return out;
    if (!value->is_object() || value->size() > labels_max)
        return damaged(key);
    for (const auto& [name, text] : value->items()) {
        const auto* label = text.get_ptr<const std::string*>();
        if (label == nullptr || !is_label_text(name) || !is_label_text(*label))
            return damaged(key);
        out.emplace(name, *label);
    }
    return out;
}

result<std::vector<multiformats::peer_id>> targets_member(const nlohmann::json& record) {
    std::vector<multiformats::peer_id> out;
    const auto* value = json::member(record, "targets");
    if (value == nullptr)
        return out;
    if (!value->is_array() || value->size() > strategy_targets_max)
        return damaged("targets");
    for (const auto& item : *value) {
        const auto* text = item.get_ptr<const std::string*>();
        auto id = text != nullptr ? multiformats::parse_peer_id(*text) : damaged("targets");
        if (!id)
            return damaged("targets");
        out.push_back(*id);
    }
    std::ranges::sort(out);
    const auto repeated = std::ranges::unique(out);
    out.erase(repeated.begin(), repeated.end());
    return out;
}

// The members that the type decides; what belongs to the other type is not read.
result<void> read_where(const nlohmann::json& record, strategy& out) {
    if (out.type == strategy_type::percentage) {
        const auto percentage = json::unsigned_member(record, "percentage");
        if (!percentage || *percentage < 1 || *percentage > 100)
            return damaged("percentage");
        out.percentage = static_cast<unsigned>(*percentage);
        return {};
    }
    auto targets = targets_member(record);
    if (!targets)
        return fail(targets.error());
    if (targets->empty())
        return damaged("targets");
    out.targets = *std::move(targets);
    return {};
}

result<void> read_optionals(const nlohmann::json& record, strategy& out) {
    if (json::member(record, "digest") != nullptr) {
        auto digest = digest_member(record, "digest");
        if (!digest)
            return fail(digest.error());
        out.digest = *digest;
    }
    if (json::member(record, "origin") != nullptr) {
        auto origin = peer_member(record, "origin");
        if (!origin)
            return fail(origin.error());
        out.origin = *origin;
    }
    return {};
}

}  // namespace

std::string encode(const strategy& s) {
    auto out = started(s);
    out["type"] = name_of(s.type);
    out["nametag"] = s.image.canonical();
    if (s.type == strategy_type::percentage) {
        out["percentage"] = s.percentage;
    } else {
        out["targets"] = nlohmann::json::array();
        for (const auto& t : s.targets)
            out["targets"].push_back(t.to_string());
    }
    if (!s.selector.empty())
        out["selector"] = to_json(s.selector);
    out["execute"] = s.execute;
    out["replace"] = s.replace;
    if (s.digest)
        out["digest"] = s.digest->to_string();
    if (s.origin)
        out["origin"] = s.origin->to_string();
    out["created_ms"] = to_milliseconds(s.created);
    out["updated_ms"] = to_milliseconds(s.updated);
    return json::write(out);
}

result<strategy> decode_strategy(std::string_view text) {
    auto record = read_record(text);
    if (!record)
        return fail(record.error());
    strategy out;
    const auto* type = json::string_member(*record, "type");
    const auto named = type != nullptr ? strategy_type_named(*type) : std::nullopt;
    if (!named)
        return damaged("type");
    out.type = *named;
    auto image = reference_member(*record, "nametag");
    if (!image)
        return fail(image.error());
    out.image = *std::move(image);
    if (auto where = read_where(*record, out); !where)
        return fail(where.error());
    auto selector = labels_member(*record, "selector");
    if (!selector)
        return fail(selector.error());
    out.selector = *std::move(selector);
    const auto execute = json::bool_member(*record, "execute");
    if (!execute)
        return damaged("execute");
    out.execute = *execute;
    out.replace = json::bool_member(*record, "replace").value_or(false);
    if (auto optionals = read_optionals(*record, out); !optionals)
        return fail(optionals.error());
    const auto created = time_member(*record, "created_ms");
    const auto updated = time_member(*record, "updated_ms");
    if (!created || !updated)
        return damaged("created_ms or updated_ms");
    out.created = *created;
    out.updated = *updated;
    finish(*std::move(record), out,
           {"type", "nametag", "percentage", "targets", "selector", "execute", "replace", "digest",
            "origin", "created_ms", "updated_ms"});
    return out;
}

std::string encode(const name_record& r) {
    auto out = started(r);
    out["name"] = r.name.canonical();
    out["digest"] = r.digest.to_string();
    out["updated_ms"] = to_milliseconds(r.updated);
    return json::write(out);
}

result<name_record> decode_name_record(std::string_view text) {
    auto record = read_record(text);
    if (!record)
        return fail(record.error());
    name_record out;
    auto name = reference_member(*record, "name");
    if (!name || name->digest || name->tag.empty())
        return damaged("name");
    auto digest = digest_member(*record, "digest");
    if (!digest)
        return fail(digest.error());
    const auto updated = time_member(*record, "updated_ms");
    if (!updated)
        return damaged("updated_ms");
    out.name = *std::move(name);
    out.digest = *digest;
    out.updated = *updated;
    finish(*std::move(record), out, {"name", "digest", "updated_ms"});
    return out;
}

std::string encode(const node_record& r) {
    auto out = started(r);
    out["id"] = r.id.to_string();
    out["addresses"] = r.addresses;
    out["platform"] = r.platform.to_string();
    out["labels"] = to_json(r.labels);
    out["capacity_bytes"] = r.capacity_bytes;
    out["engine"] = r.engine;
    out["version"] = r.version;
    return json::write(out);
}

result<node_record> decode_node_record(std::string_view text) {
    auto record = read_record(text);
    if (!record)
        return fail(record.error());
    auto id = peer_member(*record, "id");
    if (!id)
        return fail(id.error());
    node_record out{.id = *id};
    const auto* platform_text = json::string_member(*record, "platform");
    auto platform = platform_text != nullptr ? oci::parse_platform(*platform_text)
                                             : result<oci::platform>{damaged("platform")};
    if (!platform)
        return damaged("platform");
    out.platform = *std::move(platform);
    auto labels = labels_member(*record, "labels");
    if (!labels)
        return fail(labels.error());
    out.labels = *std::move(labels);
    const auto* addresses = json::member(*record, "addresses");
    if (addresses == nullptr || !addresses->is_array() || addresses->size() > node_addresses_max)
        return damaged("addresses");
    for (const auto& item : *addresses) {
        const auto* text_of_item = item.get_ptr<const std::string*>();
        if (text_of_item == nullptr || text_of_item->size() > node_text_max)
            return damaged("addresses");
        out.addresses.push_back(*text_of_item);
    }
    out.capacity_bytes = json::unsigned_member(*record, "capacity_bytes").value_or(0);
    for (const auto& [key, member] :
         {std::pair{"engine", &out.engine}, std::pair{"version", &out.version}}) {
        const auto* value = json::string_member(*record, key);
        if (value == nullptr || value->size() > node_text_max)
            return damaged(key);
        *member = *value;
    }
    finish(*std::move(record), out,
           {"id", "addresses", "platform", "labels", "capacity_bytes", "engine", "version"});
    return out;
}

std::string encode(const label_record& r) {
    auto out = started(r);
    out["id"] = r.id.to_string();
    out["labels"] = to_json(r.labels);
    out["removed"] = r.removed;
    if (r.forgotten)
        out["forgotten"] = true;
    out["updated_ms"] = to_milliseconds(r.updated);
    return json::write(out);
}

result<label_record> decode_label_record(std::string_view text) {
    auto record = read_record(text);
    if (!record)
        return fail(record.error());
    auto id = peer_member(*record, "id");
    if (!id)
        return fail(id.error());
    label_record out{.id = *id};
    auto labels = labels_member(*record, "labels");
    if (!labels)
        return fail(labels.error());
    out.labels = *std::move(labels);
    const auto* removed = json::member(*record, "removed");
    if (removed == nullptr || !removed->is_array() || removed->size() > labels_max)
        return damaged("removed");
    for (const auto& item : *removed) {
        const auto* name = item.get_ptr<const std::string*>();
        if (name == nullptr || !is_label_text(*name))
            return damaged("removed");
        out.removed.push_back(*name);
    }
    std::ranges::sort(out.removed);
    const auto repeated = std::ranges::unique(out.removed);
    out.removed.erase(repeated.begin(), repeated.end());
    out.forgotten = json::bool_member(*record, "forgotten").value_or(false);
    const auto updated = time_member(*record, "updated_ms");
    if (!updated)
        return damaged("updated_ms");
    out.updated = *updated;
    finish(*std::move(record), out, {"id", "labels", "removed", "forgotten", "updated_ms"});
    return out;
}

labels effective_labels(labels own, const label_record& r) {
    for (const auto& name : r.removed)
        own.erase(name);
    for (const auto& [name, value] : r.labels)
        if (own.size() < labels_max || own.contains(name))
            own.insert_or_assign(name, value);
    return own;
}

}  // namespace dm::plan
