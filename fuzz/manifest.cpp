// links: oci
// Manifests, indexes, configurations, layouts and image records.
#include <algorithm>
#include <span>

#include "base/bytes.hpp"
#include "oci/image_config.hpp"
#include "oci/image_layout.hpp"
#include "oci/image_record.hpp"
#include "oci/manifest.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::oci;

namespace {

void check(const manifest& m) {
    require(kind_of_media_type(m.media_type) == media_kind::manifest);
    const auto blobs = stored_blobs(m);
    require(!blobs.empty() && blobs.front() == m.config && blobs.size() <= m.layers.size() + 1);
}

void check(const image_index& i) {
    require(kind_of_media_type(i.media_type) == media_kind::index);
    for (const auto& p : platforms_of(i)) {
        const auto entry = select_entry(i, p);
        require(entry && entry->platform == p);
    }
    auto entries = i.manifests;
    for (auto& e : entries)
        e.has_urls = false;
    const auto again = parse_layout_index(as_bytes(layout_index_text(entries)));
    require(again && again->manifests.size() == entries.size());
}

void check(const image_record& r) {
    const auto text = encode(r);
    require(decode_image_record(text) == r);
    for (const auto& p : r.platforms) {
        require(r.select(p.platform) != nullptr);
        (void)needed_blobs(r, p.platform);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span{data, size});
    for (const auto type : {std::string_view{}, media_type::oci_manifest, media_type::docker_list})
        if (const auto d = parse_document(input, type))
            std::visit([](const auto& it) { check(it); }, *d);
    (void)check_layout_file(input);
    (void)parse_image_config(input);
    if (const auto r = decode_image_record(as_chars(input)))
        check(*r);
    return 0;
}
