#include "control/agent/registry_origin.hpp"

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

}  // namespace

awaitable<crypto::digest> registry_origin::resolve(oci::reference image) {
    const auto found = co_await client_.resolve(std::move(image));
    co_return found.digest;
}

std::unique_ptr<importer::image_source> registry_origin::open(oci::reference image) {
    return std::make_unique<registry_source>(client_, std::move(image));
}

}  // namespace dm::agent
