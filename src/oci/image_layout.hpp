#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "oci/manifest.hpp"

namespace dm::oci {

/// The two files that make a directory of blobs an OCI image layout.
/// Spec: OCI image-spec v1.1 "Image Layout".
inline constexpr std::string_view layout_file_name = "oci-layout";
inline constexpr std::string_view layout_index_name = "index.json";
/// The annotation of an index.json entry that says what the image is called.
inline constexpr std::string_view ref_name_annotation = "org.opencontainers.image.ref.name";

/// What the oci-layout file holds.
std::string layout_file_text();

/// Fails unless `raw` is an oci-layout file of version 1.
result<void> check_layout_file(byte_view raw);

/// Reads an index.json. The same limits as for any index hold.
result<image_index> parse_layout_index(byte_view raw);

/// An index.json with these entries; the same entries give the same bytes.
std::string layout_index_text(const std::vector<descriptor>& entries);

/// Where a layout holds a blob: "blobs/sha256/<hex>".
std::string layout_blob_path(const crypto::digest& digest);

}  // namespace dm::oci
