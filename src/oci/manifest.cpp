#include "oci/manifest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "base/json/read.hpp"
#include "http/syntax/media_type.hpp"
#include "oci/descriptor_json.hpp"
#include "oci/errc.hpp"
#include "oci/quote.hpp"

namespace dm::oci {
namespace {

constexpr json::read_limits manifest_limits{
    .bytes_max = manifest_bytes_max, .depth_max = 32, .values_max = 200'000};

std::unexpected<error> malformed(std::string_view what) {
    return fail(errc::malformed_manifest, fmt::format("the manifest is damaged: {}", what));
}

std::unexpected<error> too_large(std::string_view what) {
    return fail(errc::manifest_too_large, fmt::format("the manifest is too large: {}", what));
}

std::unexpected<error> schema1() {
    return fail(errc::unsupported_manifest,
                "the image is in Docker's first manifest format (schema 1), which is not "
                "supported; push it again with a current Docker");
}

// What servers say when they know nothing of registries.
bool says_nothing(std::string_view essence) {
    return essence.empty() || essence == "application/json" || essence == "text/plain" ||
           essence == "application/octet-stream" || essence == "binary/octet-stream";
}

result<media_kind> shape_of(const nlohmann::json& value) {
    const bool as_index = value.contains("manifests");
    const bool as_manifest = value.contains("config") || value.contains("layers");
    if (value.contains("fsLayers"))
        return media_kind::schema1;
    if (as_index && as_manifest)
        return malformed("it is an image and an index at once");
    if (!as_index && !as_manifest)
        return malformed("it is neither an image nor an index");
    return as_index ? media_kind::index : media_kind::manifest;
}

// The media type by header, field and shape, in this order; they have to agree.
result<std::string> decide_type(const nlohmann::json& value, std::string_view content_type) {
    const auto header = syntax::media_type_essence(content_type);
    const auto* field = json::string_member(value, "mediaType");
    const auto in_field = field != nullptr ? syntax::media_type_essence(*field) : std::string{};
    const auto version = json::unsigned_member(value, "schemaVersion");
    if (kind_of_media_type(header) == media_kind::schema1 || version == 1u)
        return schema1();
    if (version != 2u)
        return malformed("schemaVersion is not 2");
    const auto shape = shape_of(value);
    if (!shape)
        return fail(shape.error());
    if (*shape == media_kind::schema1)
        return schema1();
    const bool header_speaks = !says_nothing(header);
    if (header_speaks && !in_field.empty() && header != in_field)
        return malformed(fmt::format("it was sent as {} but says that it is {}", quote(header),
                                     quote(in_field)));
    auto type = header_speaks ? header : in_field;
    if (type.empty())
        type = *shape == media_kind::index ? media_type::oci_index : media_type::oci_manifest;
    const auto kind = kind_of_media_type(type);
    if (kind != media_kind::index && kind != media_kind::manifest)
        return fail(errc::unsupported_manifest,
                    fmt::format("manifests of type {} are not supported", quote(type)));
    if (kind != *shape)
        return malformed(fmt::format("its content is not that of {}", quote(type)));
    return type;
}

result<std::vector<descriptor>> descriptors_of_json(const nlohmann::json& parent, const char* key,
                                                    const char* item, std::size_t items_max) {
    std::vector<descriptor> out;
    const auto* list = json::member(parent, key);
    if (list == nullptr || list->is_null())  // Go writes an empty list as null
        return out;
    if (!list->is_array())
        return malformed(fmt::format("{} is no list", key));
    if (list->size() > items_max)
        return too_large(fmt::format("{} {}s, {} are allowed", list->size(), item, items_max));
    out.reserve(list->size());
    for (const auto& value : *list) {
        auto one = descriptor_of_json(value, fmt::format("{} {}", item, out.size() + 1));
        if (!one)
            return fail(one.error());
        out.push_back(*std::move(one));
    }
    return out;
}

// What manifests and indexes have in common.
template <class Document>
result<document> with_common_members(Document out, const nlohmann::json& value) {
    auto annotations = annotations_of_json(value);
    if (!annotations)
        return fail(annotations.error());
    out.annotations = *std::move(annotations);
    if (const auto* type = json::string_member(value, "artifactType"))
        out.artifact_type = *type;
    if (const auto* subject = json::member(value, "subject"); subject && !subject->is_null()) {
        auto read = descriptor_of_json(*subject, "subject");
        if (!read)
            return fail(read.error());
        out.subject = *std::move(read);
    }
    return out;
}

result<document> read_index(const nlohmann::json& value, std::string type) {
    auto entries = descriptors_of_json(value, "manifests", "entry", index_entries_max);
    if (!entries)
        return fail(entries.error());
    return with_common_members(
        image_index{.media_type = std::move(type), .manifests = *std::move(entries)}, value);
}

result<document> read_manifest(const nlohmann::json& value, std::string type) {
    const auto* config_value = json::member(value, "config");
    if (config_value == nullptr)
        return malformed("it has no config");
    auto config = descriptor_of_json(*config_value, "config");
    if (!config)
        return fail(config.error());
    auto layers = descriptors_of_json(value, "layers", "layer", manifest_layers_max);
    if (!layers)
        return fail(layers.error());
    return with_common_members(manifest{.media_type = std::move(type),
                                        .config = *std::move(config),
                                        .layers = *std::move(layers)},
                               value);
}

}  // namespace

result<document> parse_document(byte_view raw, std::string_view content_type) {
    if (raw.size() > manifest_bytes_max)
        return too_large(fmt::format("{} bytes, {} are allowed", raw.size(), manifest_bytes_max));
    const auto value = json::read(as_chars(raw), manifest_limits);
    if (!value && value.error() == json::read_error::too_large)
        return too_large("too many or too deeply nested values");
    if (!value || !value->is_object())
        return malformed("it is no JSON object");
    auto type = decide_type(*value, content_type);
    if (!type)
        return fail(type.error());
    return kind_of_media_type(*type) == media_kind::index ? read_index(*value, *std::move(type))
                                                          : read_manifest(*value, *std::move(type));
}

const std::string& media_type_of(const document& d) noexcept {
    if (const auto* m = std::get_if<manifest>(&d))
        return m->media_type;
    return std::get_if<image_index>(&d)->media_type;
}

std::vector<descriptor> stored_blobs(const manifest& m) {
    std::vector<descriptor> out{m.config};
    std::unordered_set<crypto::digest> seen{m.config.digest};
    for (const auto& layer : m.layers)
        if (!layer.is_foreign() && seen.insert(layer.digest).second)
            out.push_back(layer);
    return out;
}

result<descriptor> select_entry(const image_index& i, const platform& wanted) {
    const descriptor* best = nullptr;
    auto best_rank = ~0u;
    for (const auto& entry : i.manifests) {
        if (entry.is_attestation())
            continue;
        const auto rank =
            entry.platform ? match_rank(wanted, *entry.platform) : std::optional(~0u - 1);
        if (rank && *rank < best_rank) {
            best = &entry;
            best_rank = *rank;
        }
    }
    if (best != nullptr)
        return *best;
    std::vector<std::string> names;
    for (const auto& p : platforms_of(i))
        names.push_back(p.to_string());
    return fail(errc::no_such_platform,
                names.empty() ? fmt::format("the image has no manifest for {}", wanted.to_string())
                              : fmt::format("the image has no manifest for {}, only for {}",
                                            wanted.to_string(), fmt::join(names, ", ")));
}

std::vector<platform> platforms_of(const image_index& i) {
    std::vector<platform> out;
    for (const auto& entry : i.manifests) {
        const bool counts = entry.platform && !entry.is_attestation();
        if (counts && std::ranges::find(out, *entry.platform) == out.end())
            out.push_back(*entry.platform);
    }
    return out;
}

}  // namespace dm::oci
