#include "control/agent/registry_origin.hpp"

#include <fmt/format.h>

#include "control/agent/errc.hpp"

namespace dm::agent {
namespace {

class forwarding_sink final : public upstream::blob_sink {
  public:
    explicit forwarding_sink(importer::byte_sink& to) : to_(to) {
        to_.on_resume([this] { resume(); });
    }
    ~forwarding_sink() override { to_.on_resume({}); }
    bool on_bytes(byte_view piece) override { return to_.on_bytes(piece); }

  private:
    importer::byte_sink& to_;
};

importer::found_manifest convert(upstream::fetched_manifest m) {
    return {m.digest, std::move(m.media_type), to_bytes(m.raw)};
}

/// One image in a registry.
class registry_source final : public importer::image_source {
  public:
    registry_source(upstream::registry_client& client, oci::reference image)
        : client_(client), image_(std::move(image)), where_(upstream::repository::of(image_)) {}

    awaitable<importer::found_manifest> resolve() override {
        co_return convert(co_await client_.manifest(image_));
    }

    awaitable<importer::found_manifest> manifest(oci::descriptor what) override {
        co_return convert(co_await client_.manifest(where_, what.digest));
    }

    awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                         importer::byte_sink& sink) override {
        forwarding_sink forward(sink);
        co_await client_.blob(where_, std::move(what), offset, forward);
    }

    std::string name() const override { return image_.domain; }

  private:
    upstream::registry_client& client_;
    oci::reference image_;
    upstream::repository where_;
};

/// What was pushed to a node is in no registry that could be asked.
class nowhere final : public importer::image_source {
  public:
    explicit nowhere(oci::reference image) : image_(std::move(image)) {}

    awaitable<importer::found_manifest> resolve() override { co_return complain(); }
    awaitable<importer::found_manifest> manifest(oci::descriptor) override { co_return complain(); }
    awaitable<void> blob(oci::descriptor, std::uint64_t, importer::byte_sink&) override {
        complain();
        co_return;
    }
    std::string name() const override { return image_.domain; }

    [[noreturn]] importer::found_manifest complain() const {
        raise(errc::unknown_image,
              fmt::format("{} was pushed to a node of the fleet, and no node that can be reached "
                          "has it",
                          image_.familiar()));
    }

  private:
    oci::reference image_;
};

}  // namespace

awaitable<crypto::digest> registry_origin::resolve(oci::reference image) {
    if (image.domain == oci::fleet_domain)
        nowhere(std::move(image)).complain();
    const auto found = co_await client_.resolve(std::move(image));
    co_return found.digest;
}

std::unique_ptr<importer::image_source> registry_origin::open(oci::reference image) {
    if (image.domain == oci::fleet_domain)
        return std::make_unique<nowhere>(std::move(image));
    return std::make_unique<registry_source>(client_, std::move(image));
}

}  // namespace dm::agent
