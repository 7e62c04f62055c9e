#pragma once

#include <string_view>

namespace dm::oci {

/// The media types of images, Docker's and OCI's.
/// Spec: OCI image-spec v1.1 "Media Types"; Docker image manifest v2, schema 2.
namespace media_type {
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view oci_empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer_gzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view docker_foreign_layer_gzip =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

/// What to ask a registry for, as an Accept value.
inline constexpr std::string_view accept_manifests =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";
}  // namespace media_type

enum class media_kind {
    manifest,       ///< one image
    index,          ///< several, by platform (Docker: manifest list)
    schema1,        ///< Docker's first manifest format, signed or not
    config,         ///< image configuration
    layer,          ///< file system changes as a tar, maybe compressed
    foreign_layer,  ///< a layer that registries may not hand on; it has `urls`
    other,
};

/// The kind of a media type without parameters, lower case (syntax::media_type_essence).
media_kind kind_of_media_type(std::string_view essence) noexcept;

}  // namespace dm::oci
