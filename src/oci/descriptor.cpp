#include "oci/descriptor.hpp"

#include <fmt/format.h>

#include "base/json/read.hpp"
#include "http/syntax/media_type.hpp"
#include "oci/descriptor_json.hpp"
#include "oci/errc.hpp"

namespace dm::oci {
namespace {

std::unexpected<error> malformed(const std::string& where, std::string_view what) {
    return fail(errc::malformed_manifest,
                fmt::format("the manifest is damaged: {} {}", where, what));
}

// Half a platform, as some tools write it, is as good as none.
std::optional<platform> platform_of_json(const nlohmann::json& parent) {
    const auto* value = json::member(parent, "platform");
    if (value == nullptr)
        return std::nullopt;
    const auto* os = json::string_member(*value, "os");
    const auto* architecture = json::string_member(*value, "architecture");
    const auto* variant = json::string_member(*value, "variant");
    if (os == nullptr || architecture == nullptr || os->empty() || architecture->empty())
        return std::nullopt;
    return normalise({*os, *architecture, variant != nullptr ? *variant : ""});
}

}  // namespace

media_kind descriptor::kind() const noexcept {
    return kind_of_media_type(media_type);
}

bool descriptor::is_attestation() const noexcept {
    if (platform && platform->os == "unknown" && platform->architecture == "unknown")
        return true;
    const auto type = annotations.find("vnd.docker.reference.type");
    return type != annotations.end() && type->second == "attestation-manifest";
}

result<std::map<std::string, std::string>> annotations_of_json(const nlohmann::json& parent) {
    std::map<std::string, std::string> out;
    const auto* value = json::member(parent, "annotations");
    if (value == nullptr || value->is_null())
        return out;
    if (!value->is_object())
        return malformed("annotations", "are no object");
    for (const auto& [key, text] : value->items()) {
        if (!text.is_string())
            return malformed("annotations", "hold more than strings");
        out.emplace(key, text.get_ref<const std::string&>());
    }
    return out;
}

result<descriptor> descriptor_of_json(const nlohmann::json& value, const std::string& where) {
    const auto* type = json::string_member(value, "mediaType");
    const auto* digest_text = json::string_member(value, "digest");
    const auto size = json::unsigned_member(value, "size");
    if (digest_text == nullptr)
        return malformed(where, "has no digest");
    if (!size)
        return malformed(where, "has no size");
    auto digest = crypto::parse_digest(*digest_text);
    if (!digest)
        return fail(error{digest.error().code, fmt::format("the manifest is damaged: {}: {}", where,
                                                           digest.error().message())});
    auto annotations = annotations_of_json(value);
    if (!annotations)
        return fail(annotations.error());
    descriptor out{.media_type = type != nullptr ? syntax::media_type_essence(*type) : "",
                   .digest = *digest,
                   .size = *size,
                   .platform = platform_of_json(value),
                   .annotations = *std::move(annotations)};
    if (const auto* artifact_type = json::string_member(value, "artifactType"))
        out.artifact_type = *artifact_type;
    if (const auto* urls = json::member(value, "urls"))
        out.has_urls = urls->is_array() && !urls->empty();
    return out;
}

nlohmann::json to_json(const descriptor& d) {
    nlohmann::json out{
        {"mediaType", d.media_type}, {"digest", d.digest.to_string()}, {"size", d.size}};
    if (d.platform) {
        out["platform"] = {{"os", d.platform->os}, {"architecture", d.platform->architecture}};
        if (!d.platform->variant.empty())
            out["platform"]["variant"] = d.platform->variant;
    }
    if (!d.annotations.empty())
        out["annotations"] = d.annotations;
    if (!d.artifact_type.empty())
        out["artifactType"] = d.artifact_type;
    return out;
}

}  // namespace dm::oci
