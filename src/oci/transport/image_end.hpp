#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "oci/descriptor.hpp"
#include "oci/manifest.hpp"
#include "oci/platform.hpp"
#include "oci/transport/file.hpp"

namespace dm::transport {

/// A manifest or index, byte for byte.
struct found_document {
    crypto::digest digest;
    std::string media_type = {};
    bytes raw = {};
};

/// Where an image is read from. Calls block.
class image_reader {
  public:
    virtual ~image_reader() = default;

    virtual found_document top() = 0;
    /// nullopt: what the index names is not there.
    virtual std::optional<found_document> document(const oci::descriptor& what) = 0;
    /// Unchecked bytes: copy_image checks them.
    virtual void blob(const oci::descriptor& what, const taker& take) = 0;
};

/// Where an image is written to. Calls block.
class image_writer {
  public:
    virtual ~image_writer() = default;

    /// False: it holds a single image.
    virtual bool takes_indexes() const = 0;
    virtual bool has(const oci::descriptor& blob) = 0;
    /// `produce` hands all bytes to the taker that it is given.
    virtual void blob(const oci::descriptor& what,
                      const std::function<void(const taker&)>& produce) = 0;
    /// Comes after all that it names. `is_top`: this is what the image's name stands for.
    virtual void document(const found_document& what, bool is_top) = 0;
    /// Nothing more comes; everything is durable.
    virtual void finish() = 0;
};

struct copy_options {
    /// nullopt: all that the source has.
    std::optional<std::vector<oci::platform>> platforms = {};
    /// For writers of a single image.
    oci::platform own_platform = {};
    std::function<void(std::uint64_t bytes)> progress = {};
};

struct copied {
    crypto::digest digest;  ///< of the top, as it was written
    std::vector<crypto::digest> documents = {};
    std::uint64_t bytes_written = 0;  ///< of blobs that were not there
};

/// Checks every digest and size. Memory does not depend on sizes of layers. Throws wrong_content,
/// not_found for a platform that the image does not have, and what the ends throw.
copied copy_image(image_reader& from, image_writer& to, const copy_options& o);

}  // namespace dm::transport
