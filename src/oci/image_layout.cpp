#include "oci/image_layout.hpp"

#include <fmt/format.h>

#include "base/json/read.hpp"
#include "oci/descriptor_json.hpp"
#include "oci/errc.hpp"
#include "oci/quote.hpp"

namespace dm::oci {

std::string layout_file_text() {
    return R"({"imageLayoutVersion":"1.0.0"})";
}

result<void> check_layout_file(byte_view raw) {
    const auto value = json::read(as_chars(raw), {.bytes_max = 4096});
    const auto* version = value ? json::string_member(*value, "imageLayoutVersion") : nullptr;
    if (version == nullptr)
        return fail(errc::malformed_layout, "the oci-layout file names no version");
    if (!version->starts_with("1."))
        return fail(errc::malformed_layout,
                    fmt::format("the OCI image layout is of version {}, only 1 is supported",
                                quote(*version)));
    return {};
}

result<image_index> parse_layout_index(byte_view raw) {
    auto read = parse_document(raw);
    if (!read)
        return fail(read.error());
    if (auto* i = std::get_if<image_index>(&*read))
        return std::move(*i);
    return fail(errc::malformed_layout, "index.json is no index");
}

std::string layout_index_text(const std::vector<descriptor>& entries) {
    auto list = nlohmann::json::array();
    for (const auto& entry : entries)
        list.push_back(to_json(entry));
    return json::write({{"schemaVersion", 2},
                        {"mediaType", media_type::oci_index},
                        {"manifests", std::move(list)}});
}

std::string layout_blob_path(const crypto::digest& digest) {
    return fmt::format("blobs/{}/{}", crypto::name_of(digest.algorithm()), digest.hex());
}

}  // namespace dm::oci
