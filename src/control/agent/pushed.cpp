#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "control/agent/errc.hpp"
#include "control/agent/snapshot.hpp"
#include "oci/manifest.hpp"

/// What was pushed to this node's registry becomes an image of the fleet.
namespace dm::agent {
namespace {

/// An image that is in the store already.
class stored_source final : public importer::image_source {
  public:
    stored_source(store::content_store& store, crypto::digest image)
        : store_(store), image_(image) {}

    awaitable<importer::found_manifest> resolve() override {
        co_return importer::found_manifest{
            image_, {}, co_await store_.read(image_, oci::manifest_bytes_max)};
    }

    awaitable<importer::found_manifest> manifest(oci::descriptor what) override {
        co_return importer::found_manifest{
            what.digest, {}, co_await store_.read(what.digest, oci::manifest_bytes_max)};
    }

    awaitable<void> blob(oci::descriptor what, std::uint64_t, importer::byte_sink&) override {
        raise(errc::unknown_content,
              fmt::format("{} has not been pushed", what.digest.to_string()));
        co_return;
    }

    std::string name() const override { return "push"; }

  private:
    store::content_store& store_;
    crypto::digest image_;
};

/// All that was pushed: everything, or of an index with gaps the platforms that are here.
awaitable<oci::platform_choice> platforms_here(store::content_store& store, crypto::digest image) {
    const auto top =
        value_or_throw(oci::parse_document(co_await store.read(image, oci::manifest_bytes_max)));
    const auto* index = std::get_if<oci::image_index>(&top);
    if (!index)
        co_return oci::platform_choice{.all = true, .listed = {}};
    oci::platform_choice out{.all = true, .listed = {}};
    for (const auto& entry : index->manifests)
        if (!co_await store.find(entry.digest))
            out.all = false;
        else if (entry.platform && !entry.is_attestation())
            out.listed.push_back(*entry.platform);
    if (out.all)
        out.listed.clear();
    co_return out;
}

}  // namespace

awaitable<oci::image_record> agent::import_pushed(crypto::digest image) {
    const auto arriving = fmt::format("{}push {}", arriving_pin_prefix, image.to_string());
    stored_source source(store_, image);
    std::exception_ptr failed;
    try {
        auto record =
            co_await importer_.import(source, co_await platforms_here(store_, image), arriving, {});
        co_await store_.move_pin(arriving, importer::pin_name(image));
        co_return record;
    } catch (...) {
        failed = std::current_exception();  // rethrown when the part is dropped
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await store_.unpin(arriving);
    co_await asio::this_coro::throw_if_cancelled(true);
    std::rethrow_exception(failed);
}

awaitable<registry::publication> agent::publish(oci::reference name, crypto::digest image) {
    const bool fleet_wide = !catalogue_.refusal();
    if (name.domain != oci::fleet_domain)
        catalogue_.require_operator();  // the name of an image elsewhere means it for the fleet
    // Under another tag it may be an image already.
    std::optional<oci::image_record> is_new;
    const auto pin = importer::pin_name(image);
    if (!catalogue_.image(image) || (co_await store_.pins(pin)).empty()) {
        is_new = co_await import_pushed(image);
    }
    plan::name_record named;
    named.name = name;
    named.digest = image;
    named.updated = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto* known = catalogue_.image(image);
    if (!is_new && !known)
        raise(errc::unknown_image, "the image was removed while it got another tag");
    const auto root = is_new ? is_new->root : known->root;
    const bool says_more = is_new && (!known || covers(*is_new, *known));
    if (fleet_wide || says_more)
        co_await catalogue_.put(says_more ? &*is_new : nullptr, named);
    layout_stale_ = true;
    notify("image",
           nlohmann::json{{"digest", image.to_string()}, {"name", name.familiar()}}.dump());
    wake();
    co_return registry::publication{root, fleet_wide};
}

awaitable<void> agent::retract(oci::reference name) {
    if (catalogue_.name(name))
        co_await remove_image(name.familiar());
}

awaitable<void> agent::withdraw(crypto::digest image) {
    if (catalogue_.image(image) && catalogue_.names_of(image).empty())
        co_await remove_image(image.to_string());
}

}  // namespace dm::agent
