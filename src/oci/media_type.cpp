#include "oci/media_type.hpp"

#include <array>
#include <utility>

namespace dm::oci {

media_kind kind_of_media_type(std::string_view essence) noexcept {
    constexpr std::array<std::pair<std::string_view, media_kind>, 8> exact{{
        {media_type::oci_manifest, media_kind::manifest},
        {media_type::oci_index, media_kind::index},
        {media_type::oci_config, media_kind::config},
        {media_type::docker_manifest, media_kind::manifest},
        {media_type::docker_list, media_kind::index},
        {media_type::docker_config, media_kind::config},
        {"application/vnd.docker.distribution.manifest.v1+json", media_kind::schema1},
        {"application/vnd.docker.distribution.manifest.v1+prettyjws", media_kind::schema1},
    }};
    for (const auto& [name, kind] : exact)
        if (essence == name)
            return kind;
    // Layers: every compression that a family has, or will have.
    constexpr std::array<std::pair<std::string_view, media_kind>, 4> families{{
        {"application/vnd.oci.image.layer.nondistributable.v1.tar", media_kind::foreign_layer},
        {"application/vnd.oci.image.layer.v1.tar", media_kind::layer},
        {"application/vnd.docker.image.rootfs.foreign.diff.tar", media_kind::foreign_layer},
        {"application/vnd.docker.image.rootfs.diff.tar", media_kind::layer},
    }};
    for (const auto& [prefix, kind] : families)
        if (essence.starts_with(prefix))
            return kind;
    return media_kind::other;
}

}  // namespace dm::oci
