#include "oci/image_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/json/read.hpp"
#include "oci/errc.hpp"

namespace dm::oci {
namespace {

constexpr json::read_limits record_limits{
    .bytes_max = image_record_bytes_max, .depth_max = 16, .values_max = 100'000};

std::unexpected<error> malformed(std::string_view what) {
    return fail(errc::malformed_record, fmt::format("the image record is damaged: {}", what));
}

std::optional<crypto::digest> digest_member(const nlohmann::json& value, std::string_view key) {
    const auto* text = json::string_member(value, key);
    if (text == nullptr)
        return std::nullopt;
    const auto read = crypto::parse_digest(*text);
    return read ? std::optional(*read) : std::nullopt;
}

std::optional<multiformats::cid> cid_member(const nlohmann::json& value, std::string_view key) {
    const auto* text = json::string_member(value, key);
    if (text == nullptr)
        return std::nullopt;
    const auto read = multiformats::parse_cid(std::string_view{*text});
    return read ? std::optional(*read) : std::nullopt;
}

const nlohmann::json* list_member(const nlohmann::json& value, std::string_view key,
                                  std::size_t size_max) {
    const auto* list = json::member(value, key);
    return list != nullptr && list->is_array() && list->size() <= size_max ? list : nullptr;
}

result<std::vector<image_blob>> read_blobs(const nlohmann::json& value) {
    const auto* list = list_member(value, "blobs", image_record_blobs_max);
    if (list == nullptr)
        return malformed("blobs");
    std::vector<image_blob> out;
    for (const auto& item : *list) {
        const auto digest = digest_member(item, "digest");
        const auto cid = cid_member(item, "cid");
        const auto size = json::unsigned_member(item, "size");
        if (!digest || !cid || !size)
            return malformed(fmt::format("blob {}", out.size() + 1));
        out.push_back({*digest, *cid, *size});
    }
    return out;
}

// Blobs of a platform are written as positions in the list of all blobs.
result<image_platform> read_platform(const nlohmann::json& value,
                                     const std::vector<image_blob>& blobs) {
    const auto* name = json::string_member(value, "platform");
    const auto platform = name != nullptr ? parse_platform(*name) : malformed("no platform");
    const auto manifest = digest_member(value, "manifest");
    const auto* positions = list_member(value, "blobs", image_record_blobs_max);
    if (!platform || !manifest || positions == nullptr)
        return malformed("platforms");
    image_platform out{*platform, *manifest, {}};
    for (const auto& position : *positions) {
        if (!position.is_number_unsigned() || position.get<std::uint64_t>() >= blobs.size())
            return malformed("a platform names a blob that is not there");
        out.blobs.push_back(blobs[position.get<std::size_t>()].digest);
    }
    return out;
}

constexpr std::array<std::string_view, 6> known_members{"v",    "digest", "media_type",
                                                        "root", "blobs",  "platforms"};

std::string unknown_members(nlohmann::json value) {
    for (const auto known : known_members)
        value.erase(std::string{known});
    return value.empty() ? std::string{} : json::write(value);
}

nlohmann::json blobs_to_json(const image_record& record) {
    auto out = nlohmann::json::array();
    for (const auto& b : record.blobs)
        out.push_back(
            {{"digest", b.digest.to_string()}, {"cid", b.cid.to_string()}, {"size", b.size}});
    return out;
}

nlohmann::json platforms_to_json(const image_record& record) {
    std::unordered_map<crypto::digest, std::size_t> positions;
    for (std::size_t i = 0; i < record.blobs.size(); ++i)
        positions.emplace(record.blobs[i].digest, i);
    auto out = nlohmann::json::array();
    for (const auto& p : record.platforms) {
        auto blobs = nlohmann::json::array();
        for (const auto& digest : p.blobs)
            if (const auto at = positions.find(digest); at != positions.end())
                blobs.push_back(at->second);
        out.push_back({{"platform", p.platform.to_string()},
                       {"manifest", p.manifest.to_string()},
                       {"blobs", std::move(blobs)}});
    }
    return out;
}

}  // namespace

const image_blob* image_record::find(const crypto::digest& blob) const noexcept {
    const auto at = std::ranges::find(blobs, blob, &image_blob::digest);
    return at == blobs.end() ? nullptr : &*at;
}

const image_platform* image_record::select(const platform& wanted) const noexcept {
    const image_platform* best = nullptr;
    auto best_rank = std::numeric_limits<unsigned>::max();
    for (const auto& p : platforms) {
        const auto rank = match_rank(wanted, p.platform);
        if (rank && *rank < best_rank) {
            best = &p;
            best_rank = *rank;
        }
    }
    return best;
}

result<std::vector<image_blob>> needed_blobs(const image_record& record, const platform& own) {
    const auto* selected = record.select(own);
    if (selected == nullptr)
        return fail(errc::no_such_platform,
                    fmt::format("the image does not exist for {}", own.to_string()));
    if (!selected->is_imported())
        return fail(errc::no_such_platform, fmt::format("the image has not been imported for {}",
                                                        selected->platform.to_string()));
    std::unordered_map<crypto::digest, const image_blob*> left;  // not in `out` yet
    for (const auto& blob : record.blobs)
        left.emplace(blob.digest, &blob);
    std::vector<image_blob> out;
    const auto add = [&](const crypto::digest& digest) {
        if (const auto found = left.extract(digest))
            out.push_back(*found.mapped());
    };
    add(record.digest);
    for (const auto& p : record.platforms)
        add(p.manifest);
    for (const auto& digest : selected->blobs)
        add(digest);
    return out;
}

std::string encode(const image_record& record) {
    auto out = nlohmann::json::object();
    if (!record.unknown.empty())
        if (auto unknown = json::read(record.unknown, record_limits);
            unknown && unknown->is_object())
            out = *std::move(unknown);
    out["v"] = 1;
    out["digest"] = record.digest.to_string();
    out["media_type"] = record.media_type;
    out["root"] = record.root.to_string();
    out["blobs"] = blobs_to_json(record);
    out["platforms"] = platforms_to_json(record);
    return json::write(out);
}

result<image_record> decode_image_record(std::string_view text) {
    const auto value = json::read(text, record_limits);
    if (!value || !value->is_object())
        return malformed("no JSON object, or too large");
    const auto digest = digest_member(*value, "digest");
    const auto root = cid_member(*value, "root");
    const auto* media_type = json::string_member(*value, "media_type");
    if (!digest || !root || media_type == nullptr)
        return malformed("digest, root or media_type");
    auto blobs = read_blobs(*value);
    if (!blobs)
        return fail(blobs.error());
    image_record out{.digest = *digest,
                     .media_type = *media_type,
                     .root = *root,
                     .blobs = *std::move(blobs),
                     .platforms = {},
                     .unknown = unknown_members(*value)};
    const auto* platforms = list_member(*value, "platforms", image_record_platforms_max);
    if (platforms == nullptr)
        return malformed("platforms");
    for (const auto& item : *platforms) {
        auto p = read_platform(item, out.blobs);
        if (!p)
            return fail(p.error());
        out.platforms.push_back(*std::move(p));
    }
    return out;
}

}  // namespace dm::oci
