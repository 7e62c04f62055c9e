#include "control/agent/peer_origin.hpp"

#include "base/log.hpp"
#include "oci/manifest.hpp"

namespace dm::agent {
namespace {

/// One image, by digest from peers and the rest from upstream.
class peer_source final : public importer::image_source {
  public:
    peer_source(sharing::swarm_node& swarm, std::unique_ptr<image_source> upstream,
                oci::reference image, const peer_origin::root_lookup& root_of)
        : swarm_(swarm),
          upstream_(std::move(upstream)),
          image_(std::move(image)),
          root_of_(root_of) {}

    awaitable<importer::found_manifest> resolve() override {
        if (image_.digest)
            if (auto found = co_await from_peers(*image_.digest))
                co_return *std::move(found);
        co_return co_await upstream_->resolve();
    }

    awaitable<importer::found_manifest> manifest(oci::descriptor what) override {
        if (auto found = co_await from_peers(what.digest))
            co_return *std::move(found);
        co_return co_await upstream_->manifest(std::move(what));
    }

    awaitable<bool> fill(oci::descriptor what, store::arrival& into,
                         std::function<void(std::uint64_t)> received) override {
        if (!swarm_.has_peers())
            co_return false;
        const auto root = root_of_ ? root_of_(what.digest) : std::nullopt;
        std::uint64_t told = 0;
        try {
            co_await swarm_.fetch(into, root, [&](const sharing::fetch_progress& p) {
                if (p.bytes_received > told)
                    received(p.bytes_received - std::exchange(told, p.bytes_received));
            });
            co_return true;
        } catch (const failure& e) {
            if (!is_for_upstream(e))
                throw;
            log::info("blob is not to be had from peers",
                      {{"digest", what.digest.to_string()}, {"reason", e.what()}});
        }
        co_return false;
    }

    awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                         importer::byte_sink& sink) override {
        co_await upstream_->blob(std::move(what), offset, sink);
    }

    std::string name() const override { return image_.domain; }

  private:
    static bool is_for_upstream(const failure& e) {
        return e.code() == swarm::errc::not_found || e.code() == swarm::errc::given_up ||
               e.code() == aio::errc::too_much_data;
    }

    /// nullopt when no peer has it.
    awaitable<std::optional<importer::found_manifest>> from_peers(crypto::digest digest) {
        if (!swarm_.has_peers())
            co_return std::nullopt;
        try {
            co_return importer::found_manifest{
                digest, {}, co_await swarm_.get(digest, oci::manifest_bytes_max)};
        } catch (const failure& e) {
            if (!is_for_upstream(e))
                throw;
        }
        co_return std::nullopt;
    }

    sharing::swarm_node& swarm_;
    std::unique_ptr<image_source> upstream_;
    oci::reference image_;
    const peer_origin::root_lookup& root_of_;
};

}  // namespace

/// What a name means is for upstream to say; a digest says it itself.
awaitable<crypto::digest> peer_origin::resolve(oci::reference image) {
    if (image.digest && swarm_.has_peers()) {
        try {
            co_await swarm_.get(*image.digest, oci::manifest_bytes_max);
            co_return *image.digest;
        } catch (const failure& e) {
            log::debug("no peer knows the image",
                       {{"image", image.familiar()}, {"reason", e.what()}});
        }
    }
    co_return co_await upstream_.resolve(std::move(image));
}

std::unique_ptr<importer::image_source> peer_origin::open(oci::reference image) {
    return std::make_unique<peer_source>(swarm_, upstream_.open(image), image, root_of_);
}

}  // namespace dm::agent
