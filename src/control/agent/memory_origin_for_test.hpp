#pragma once

#include <fmt/format.h>

#include <map>
#include <string>

#include "aio/timeout.hpp"
#include "control/agent/image_origin.hpp"
#include "crypto/hash.hpp"

namespace dm::agent::testing {

/// Registries in memory: one image of one layer under each name that is offered.
class memory_origin final : public image_origin {
  public:
    awaitable<crypto::digest> resolve(oci::reference image) override {
        co_return of(image).manifest.digest;
    }
    std::unique_ptr<importer::image_source> open(oci::reference image) override {
        return std::make_unique<source>(of(image), is_stalled);
    }

    crypto::digest offer(const std::string& name, const std::string& layer) {
        held_image held;
        const auto config = add(held, R"({"architecture":"amd64","os":"linux"})");
        const auto content = add(held, layer);
        const auto text = fmt::format(
            R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":{},"digest":"{}"}}]}})",
            media_type, held.blobs.at(config).size(), config.to_string(), layer.size(),
            content.to_string());
        held.manifest = {crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(text)),
                         media_type, to_bytes(text)};
        const auto digest = held.manifest.digest;
        images_[value_or_throw(oci::parse_reference(name)).canonical()] = std::move(held);
        return digest;
    }

    /// From now on there is no such image any more.
    void forget(const std::string& name) {
        images_.erase(value_or_throw(oci::parse_reference(name)).canonical());
    }

    /// Blobs do not come until they are not wanted any more.
    bool is_stalled = false;

  private:
    static constexpr const char* media_type =
        "application/vnd.docker.distribution.manifest.v2+json";
    struct held_image {
        importer::found_manifest manifest;
        std::map<crypto::digest, bytes> blobs;
    };
    class source final : public importer::image_source {
      public:
        source(const held_image& image, const bool& is_stalled)
            : image_(image), is_stalled_(is_stalled) {}
        awaitable<importer::found_manifest> resolve() override { co_return image_.manifest; }
        awaitable<importer::found_manifest> manifest(oci::descriptor) override {
            co_return image_.manifest;
        }
        awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                             importer::byte_sink& sink) override {
            while (is_stalled_)
                co_await aio::sleep_for(std::chrono::hours(1));
            sink.on_bytes(byte_view(image_.blobs.at(what.digest)).subspan(offset));
            co_return;
        }
        std::string name() const override { return "memory"; }

      private:
        const held_image& image_;
        const bool& is_stalled_;
    };

    static crypto::digest add(held_image& to, std::string_view content) {
        const auto digest = crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(content));
        to.blobs[digest] = to_bytes(content);
        return digest;
    }
    const held_image& of(const oci::reference& image) const {
        auto plain = image;
        plain.digest.reset();
        const auto found = images_.find(plain.canonical());
        if (found == images_.end())
            throw failure({make_error_code(std::errc::no_such_file_or_directory),
                           fmt::format("the registry knows no {}", image.familiar())});
        return found->second;
    }

    std::map<std::string, held_image> images_;
};

}  // namespace dm::agent::testing
