#include "control/agent/registry_source.hpp"

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

}  // namespace

awaitable<importer::found_manifest> registry_source::resolve() {
    co_return convert(co_await client_.manifest(image_));
}

awaitable<importer::found_manifest> registry_source::manifest(oci::descriptor what) {
    co_return convert(co_await client_.manifest(where_, what.digest));
}

awaitable<void> registry_source::blob(oci::descriptor what, std::uint64_t offset,
                                      importer::byte_sink& sink) {
    forwarding_sink forward(sink);
    co_await client_.blob(where_, std::move(what), offset, forward);
}

}  // namespace dm::agent
