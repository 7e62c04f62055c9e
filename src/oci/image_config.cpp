#include "oci/image_config.hpp"

#include <fmt/format.h>

#include "base/json/read.hpp"
#include "oci/errc.hpp"

namespace dm::oci {
namespace {

constexpr json::read_limits config_limits{
    .bytes_max = config_bytes_max, .depth_max = 32, .values_max = 200'000};

std::unexpected<error> malformed(std::string_view what) {
    return fail(errc::malformed_config,
                fmt::format("the image configuration is damaged: {}", what));
}

std::string text_of(const nlohmann::json& value, const char* key) {
    const auto* text = json::string_member(value, key);
    return text != nullptr ? *text : std::string{};
}

}  // namespace

result<image_config> parse_image_config(byte_view raw) {
    const auto value = json::read(as_chars(raw), config_limits);
    if (!value || !value->is_object())
        return malformed("it is no JSON object, or too large");
    image_config out{.platform = normalise({text_of(*value, "os"), text_of(*value, "architecture"),
                                            text_of(*value, "variant")}),
                     .diff_ids = {}};
    if (out.platform.os.empty() || out.platform.architecture.empty())
        return malformed("it names no platform");
    const auto* rootfs = json::member(*value, "rootfs");
    const auto* ids = rootfs != nullptr ? json::member(*rootfs, "diff_ids") : nullptr;
    if (ids == nullptr || ids->is_null())
        return out;
    if (!ids->is_array())
        return malformed("diff_ids is no list");
    for (const auto& id : *ids) {
        auto digest = id.is_string() ? crypto::parse_digest(id.get_ref<const std::string&>())
                                     : malformed("a diff_id is no string");
        if (!digest)
            return malformed(digest.error().message());
        out.diff_ids.push_back(*digest);
    }
    return out;
}

}  // namespace dm::oci
