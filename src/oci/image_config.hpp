#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/digest.hpp"
#include "oci/platform.hpp"

namespace dm::oci {

/// The largest config blob that clients take.
constexpr std::size_t config_bytes_max = 4 * 1024 * 1024;

/// What we need of an image configuration.
struct image_config {
    oci::platform platform;                ///< normalised
    std::vector<crypto::digest> diff_ids;  ///< digests of the uncompressed layers, lowest first
};

/// Spec: OCI image-spec v1.1 "Image Configuration".
result<image_config> parse_image_config(byte_view raw);

}  // namespace dm::oci
