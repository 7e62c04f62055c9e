#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "crypto/digest.hpp"
#include "multiformats/cid.hpp"
#include "oci/platform.hpp"

namespace dm::oci {

constexpr std::size_t image_record_bytes_max = 1 << 20;
constexpr std::size_t image_record_blobs_max = 4096;
constexpr std::size_t image_record_platforms_max = 256;

/// One file of an image, under both its names.
struct image_blob {
    crypto::digest digest;
    multiformats::cid cid;
    std::uint64_t size = 0;  ///< bytes

    friend bool operator==(const image_blob&, const image_blob&) = default;
};

/// An image for one platform.
struct image_platform {
    oci::platform platform;
    crypto::digest manifest;
    /// Config, then layers, each once; empty when nobody has imported this platform.
    std::vector<crypto::digest> blobs;

    bool is_imported() const noexcept { return !blobs.empty(); }

    friend bool operator==(const image_platform&, const image_platform&) = default;
};

/// What a fleet knows of an image: its identity in registries (digest) and in IPFS (root), what it
/// consists of, and for which platforms. It certifies itself: all of it follows from `digest`, and
/// a wrong CID costs whoever believes it one block.
struct image_record {
    crypto::digest digest;  ///< of the index, or of the manifest of a single-platform image
    std::string media_type;
    multiformats::cid root;  ///< of the tree {blobs,manifests} of what was imported
    /// Index, manifests, configs and layers of all imported platforms, each once.
    std::vector<image_blob> blobs;
    /// All platforms of the image, also those not imported.
    std::vector<image_platform> platforms;
    /// Members that a newer version wrote, as a JSON object; empty when there are none.
    std::string unknown = {};

    /// nullptr when the record has no such blob.
    const image_blob* find(const crypto::digest& blob) const noexcept;
    /// The platform entry that suits `wanted` best (match_rank); nullptr when none does.
    const image_platform* select(const platform& wanted) const noexcept;

    friend bool operator==(const image_record&, const image_record&) = default;
};

/// What a node of that platform holds of the image: index and manifests, then config and layers of
/// its own platform, each once. `no_such_platform` when the image has none for it, or nobody has
/// imported that one.
result<std::vector<image_blob>> needed_blobs(const image_record& record, const platform& own);

/// JSON; the same record gives the same text.
std::string encode(const image_record& record);

/// Fails with malformed_record on anything that encode() could not have written, but for members
/// that it does not know: those are kept.
result<image_record> decode_image_record(std::string_view text);

}  // namespace dm::oci
