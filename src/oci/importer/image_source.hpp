#pragma once

#include <functional>
#include <string>
#include <utility>

#include "aio/awaitable.hpp"
#include "base/bytes.hpp"
#include "content/store/arrival.hpp"
#include "crypto/digest.hpp"
#include "oci/descriptor.hpp"

namespace dm::importer {

/// A manifest or index as its source gave it, checked against its digest.
struct found_manifest {
    crypto::digest digest;
    std::string media_type;  ///< Content-Type; may be empty
    bytes raw;
};

/// Takes the bytes of a blob in order.
class byte_sink {
  public:
    byte_sink() = default;
    byte_sink(const byte_sink&) = delete;
    byte_sink& operator=(const byte_sink&) = delete;
    virtual ~byte_sink() = default;

    /// Takes all of `piece`. False: the source hands in nothing more before resume(). What it
    /// throws ends the transfer.
    virtual bool on_bytes(byte_view piece) = 0;

    void resume() const {
        if (resume_)
            resume_();
    }
    /// The source says here how to let it go on.
    void on_resume(std::function<void()> f) { resume_ = std::move(f); }

  private:
    std::function<void()> resume_;
};

/// Where an image comes from: a registry, a folder, an archive, peers.
class image_source {
  public:
    virtual ~image_source() = default;

    /// The manifest or index that the name stands for.
    virtual awaitable<found_manifest> resolve() = 0;

    /// A manifest named by the index.
    virtual awaitable<found_manifest> manifest(oci::descriptor what) = 0;

    /// The bytes of a blob from `offset` to its end, in order; returns when the sink has them all.
    virtual awaitable<void> blob(oci::descriptor what, std::uint64_t offset, byte_sink& sink) = 0;

    /// Puts all of the blob into its place in the store, in any order, if this source can: true
    /// when every byte is there. `received` is told of new bytes. False: ask for blob(), from where
    /// `into` says.
    virtual awaitable<bool> fill(oci::descriptor what, store::arrival& into,
                                 std::function<void(std::uint64_t bytes)> received);

    /// For logs and progress: "docker.io".
    virtual std::string name() const = 0;
};

}  // namespace dm::importer
