#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "oci/descriptor.hpp"

namespace dm::oci {

/// The largest manifest that any client takes (containerd: 4 × 1048 × 1048; registries must take
/// 4 MiB).
constexpr std::size_t manifest_bytes_max = 4'393'216;
constexpr std::size_t manifest_layers_max = 4096;
constexpr std::size_t index_entries_max = 4096;
/// How many indexes may be nested in each other, the outermost included.
constexpr std::size_t index_depth_max = 3;

/// One image, or one artifact.
/// Spec: OCI image-spec v1.1 "Image Manifest".
struct manifest {
    std::string media_type;
    descriptor config;
    std::vector<descriptor> layers;  ///< lowest first
    std::optional<descriptor> subject = {};
    std::string artifact_type = {};
    std::map<std::string, std::string> annotations = {};

    friend bool operator==(const manifest&, const manifest&) = default;
};

/// The same image for several platforms.
/// Spec: OCI image-spec v1.1 "Image Index".
struct image_index {
    std::string media_type;
    std::vector<descriptor> manifests;
    std::optional<descriptor> subject = {};
    std::string artifact_type = {};
    std::map<std::string, std::string> annotations = {};

    friend bool operator==(const image_index&, const image_index&) = default;
};

using document = std::variant<manifest, image_index>;

/// Reads a manifest or index. The kind is told by `content_type` (a Content-Type value, empty when
/// there is none), else by the mediaType field, else by the shape; where these disagree, or the
/// shape is both, it is `malformed_manifest`. Docker's schema 1 is `unsupported_manifest`.
/// `media_type` of the result is never empty. The bytes stay the truth: nothing is written back.
result<document> parse_document(byte_view raw, std::string_view content_type = {});

const std::string& media_type_of(const document& d) noexcept;

/// What a registry holds for this manifest: config and layers, foreign ones left out, each digest
/// once, in that order.
std::vector<descriptor> stored_blobs(const manifest& m);

/// The entry that suits `wanted` best: by match_rank, then in the order of the index; entries
/// without a platform come last, attestations never. `no_such_platform` lists what there is.
result<descriptor> select_entry(const image_index& i, const platform& wanted);

/// The platforms of the entries, in order, each once, without attestations.
std::vector<platform> platforms_of(const image_index& i);

}  // namespace dm::oci
