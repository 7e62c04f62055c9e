#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "content/tree/driver.hpp"
#include "control/agent/errc.hpp"
#include "control/agent/snapshot.hpp"

/// What operators and the registry ask about images, pins and nodes.
namespace dm::agent {
namespace {

constexpr std::string_view cid_pin_prefix = "cid:";
/// Blocks of a tree that are written to the store at once.
constexpr std::size_t pin_batch_bytes = 4 * 1024 * 1024;

bool is_of(const plan::name_record& name, const oci::repository_name& repository) {
    return name.name.domain == repository.domain && name.name.path == repository.path;
}

}  // namespace

const oci::image_record& agent::image_named(std::string_view which) const {
    const auto unknown = [&]() -> error {
        return {make_error_code(errc::unknown_image),
                fmt::format("this node knows no image \"{}\"", which)};
    };
    const oci::image_record* found = nullptr;
    if (const auto digest = crypto::parse_digest(which))
        found = catalogue_.image(*digest);
    else if (const auto cid = multiformats::parse_cid(which))
        found = catalogue_.image_with_root(*cid);
    else if (const auto ref = oci::parse_reference(which)) {
        const auto* name = ref->digest ? nullptr : catalogue_.name(*ref);
        found = ref->digest ? catalogue_.image(*ref->digest)
                            : (name ? catalogue_.image(name->digest) : nullptr);
    }
    if (!found)
        throw failure(unknown());
    return *found;
}

std::vector<image_view> agent::images() const {
    std::vector<image_view> out;
    for (const auto& [digest, record] : catalogue_.images())
        out.push_back(view_of(record));
    return out;
}

image_view agent::image(std::string_view which) const {
    return view_of(image_named(which));
}

image_view agent::view_of(const oci::image_record& r) const {
    image_view out;
    out.record = r;
    for (const auto* name : catalogue_.names_of(r.digest))
        out.names.push_back(name->name.familiar());
    out.complete = complete_.contains(r.digest);
    out.kept = local_.find(kept_key(r.digest)).has_value();
    out.status.state = out.complete ? image_state::stored : image_state::absent;
    const auto ids = plan::engine_ids(r, options_.platform);
    for (const auto& k : kept_)
        if (std::ranges::find(ids, k.image_id) != ids.end()) {
            out.status.state = image_state::kept;
            out.status.reason = k.reason;
        }
    for (const auto& id : ids)
        if (const auto users = users_.find(id); users != users_.end() && !users->second.empty()) {
            out.status.state = image_state::kept;
            out.status.reason = fmt::format("used by container {}", fmt::join(users->second, ", "));
        }
    for (const auto& [id, s] : catalogue_.strategies())
        if (s.digest == r.digest) {
            out.strategies.push_back(id);
            out.status = status_of(s);
        }
    if (out.status.state == image_state::absent)
        overlay_work(out.status, r.digest, "");
    return out;
}

awaitable<void> agent::remove_image(std::string which) {
    const auto record = image_named(which);
    const auto ref = oci::parse_reference(which);
    const bool by_name =
        !crypto::parse_digest(which) && !multiformats::parse_cid(which) && ref && !ref->digest;
    for (const auto& [id, s] : catalogue_.strategies())
        if (s.digest == record.digest && (!by_name || name_key(s.image) == name_key(*ref)))
            raise(errc::image_in_use,
                  fmt::format("strategy {} wants {}: remove that first", id, s.image.familiar()));
    std::vector<std::string> names;
    for (const auto* name : catalogue_.names_of(record.digest))
        if (!by_name || name_key(name->name) == name_key(*ref))
            names.push_back(name_key(name->name));
    for (auto& name : names)
        co_await catalogue_.erase_name(std::move(name));
    if (catalogue_.names_of(record.digest).empty()) {
        co_await store_.unpin(importer::pin_name(record.digest));
        co_await local_.erase(kept_key(record.digest));
        co_await catalogue_.erase_image(record.digest);
    }
    co_await write_layout_index();
    log::info("image forgotten", {{"image", which}, {"digest", record.digest.to_string()}});
    wake();
}

std::vector<std::string> agent::images_with(const crypto::digest& blob) const {
    std::vector<std::string> out;
    for (const auto& [digest, record] : catalogue_.images()) {
        if (!record.find(blob))
            continue;
        const auto names = catalogue_.names_of(digest);
        for (const auto* name : names)
            out.push_back(name->name.familiar());
        if (names.empty())
            out.push_back(digest.to_string());
    }
    return out;
}

awaitable<void> agent::pin(multiformats::cid root) {
    const auto name = std::string(cid_pin_prefix) + root.to_v1().to_string();
    std::vector<crypto::digest> blobs;
    if (const auto* record = catalogue_.image_with_root(root)) {
        for (const auto& blob : record->blobs)
            blobs.push_back(blob.digest);
    } else if (const auto blob = co_await store_.find_root(root)) {
        blobs.push_back(blob->digest);
    }
    const auto missing = co_await store_.missing(blobs);
    if (missing.empty() && !blobs.empty()) {
        auto nodes = co_await tree_nodes(root);
        co_await store_.pin(name, std::move(blobs), std::move(nodes));
    } else {
        if (!options_.peers)
            raise(errc::unknown_content,
                  fmt::format("{} is not on this node: import the image first", root.to_string()));
        co_await pin_from_peers(root, name);
    }
    notify("node", about_node(options_.self));
}

/// Files that are blobs of the store stay that: the blob is pinned. All other blocks are kept one
/// by one.
awaitable<void> agent::pin_from_peers(multiformats::cid root, std::string name) {
    const bool was_pinned = !(co_await store_.pins(name)).empty();
    std::exception_ptr failed;
    try {
        co_await fetch_and_pin(root, name);
    } catch (...) {
        failed = std::current_exception();  // rethrown when the part is dropped
    }
    if (failed) {
        co_await asio::this_coro::throw_if_cancelled(false);
        if (!was_pinned)
            co_await store_.unpin(name);
        co_await asio::this_coro::throw_if_cancelled(true);
        std::rethrow_exception(failed);
    }
    log::info("pinned", {{"cid", root.to_string()}});
}

awaitable<void> agent::fetch_and_pin(multiformats::cid root, std::string name) {
    std::vector<crypto::digest> blobs;
    std::vector<store::dag_node> nodes;
    std::size_t bytes_held = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited here
    const auto take = [&](const multiformats::cid& id, byte_view block) -> awaitable<bool> {
        if (const auto blob = co_await store_.find_root(id)) {
            blobs.push_back(blob->digest);
            co_return false;
        }
        if (id.hash().code() != multiformats::hash_code::sha2_256)
            raise(errc::unknown_content,
                  fmt::format("{} is hashed with another function than SHA2-256, which this node "
                              "does not keep",
                              id.to_string()));
        nodes.push_back({id, to_bytes(block)});
        bytes_held += block.size();
        if (bytes_held < pin_batch_bytes)
            co_return true;
        bytes_held = 0;
        co_await store_.pin_also(name, std::exchange(blobs, {}), std::exchange(nodes, {}));
        co_return true;
    };
    tree::reader from(*options_.peers);
    co_await from.walk(root, take);
    co_await store_.pin_also(name, std::move(blobs), std::move(nodes));
}

awaitable<std::vector<multiformats::cid>> agent::held_roots() {
    auto out = co_await pins();
    for (const auto& [digest, record] : catalogue_.images())
        if (complete_.contains(digest))
            out.push_back(record.root);
    co_return out;
}

awaitable<bool> agent::unpin(multiformats::cid root) {
    const bool was_pinned =
        co_await store_.unpin(std::string(cid_pin_prefix) + root.to_v1().to_string());
    notify("node", about_node(options_.self));
    co_return was_pinned;
}

awaitable<std::vector<multiformats::cid>> agent::pins() {
    std::vector<multiformats::cid> out;
    for (const auto& pin : co_await store_.pins(std::string(cid_pin_prefix)))
        if (const auto cid =
                multiformats::parse_cid(std::string_view(pin.name).substr(cid_pin_prefix.size())))
            out.push_back(*cid);
    co_return out;
}

awaitable<bool> agent::knows(oci::name_form name) {
    if (const auto* root = std::get_if<multiformats::cid>(&name))
        co_return catalogue_.image_with_root(*root) != nullptr;
    const auto& repository = std::get<oci::repository_name>(name);
    const auto matches = [&](const auto& n) { return is_of(n.second, repository); };
    co_return std::ranges::any_of(catalogue_.names(), matches) ||
        std::ranges::any_of(arriving_, matches);
}

awaitable<std::optional<registry::resolved_tag>> agent::resolve(oci::name_form name,
                                                                std::string tag,
                                                                registry::reach how) {
    const oci::image_record* record = nullptr;
    if (const auto* root = std::get_if<multiformats::cid>(&name)) {
        if (tag == "latest")
            record = catalogue_.image_with_root(*root);
    } else {
        const auto& repository = std::get<oci::repository_name>(name);
        for (const auto& [key, n] : catalogue_.names())
            if (is_of(n, repository) && n.name.tag == tag)
                record = catalogue_.image(n.digest);
        if (!record)
            for (const auto& [id, n] : arriving_)
                if (is_of(n, repository) && n.name.tag == tag)
                    co_return registry::resolved_tag{n.digest, ""};
    }
    if (how == registry::reach::upstream) {
        const auto& repository = std::get<oci::repository_name>(name);
        co_return co_await mirror_.resolve({repository.domain, repository.path, tag, std::nullopt},
                                           record ? std::optional(record->digest) : std::nullopt);
    }
    if (!record)
        co_return std::nullopt;
    co_return registry::resolved_tag{record->digest, record->media_type};
}

awaitable<std::vector<std::string>> agent::tags(oci::name_form name) {
    std::vector<std::string> out;
    if (std::holds_alternative<multiformats::cid>(name)) {
        out.emplace_back("latest");
    } else {
        const auto& repository = std::get<oci::repository_name>(name);
        for (const auto& [key, n] : catalogue_.names())
            if (is_of(n, repository))
                out.push_back(n.name.tag);
    }
    co_return out;
}

awaitable<bool> agent::includes(oci::name_form name, crypto::digest what) {
    if (const auto* root = std::get_if<multiformats::cid>(&name)) {
        const auto* record = catalogue_.image_with_root(*root);
        co_return record && record->find(what);
    }
    const auto& repository = std::get<oci::repository_name>(name);
    if (mirror_.names(repository, what))
        co_return true;
    co_return std::ranges::any_of(catalogue_.names(), [&](const auto& n) {
        const auto* record =
            is_of(n.second, repository) ? catalogue_.image(n.second.digest) : nullptr;
        return record && record->find(what);
    });
}

awaitable<bool> agent::expect(oci::name_form name, crypto::digest what, registry::reach how) {
    if (co_await import_brings(what))
        co_return true;
    if (how != registry::reach::upstream || stopping_)
        co_return false;
    co_return co_await mirror_.bring(std::get<oci::repository_name>(name), what);
}

awaitable<std::string> agent::source_of(crypto::digest what) {
    return mirror_.source_of(what);
}

awaitable<bool> agent::import_brings(crypto::digest blob) {
    for (;;) {
        if (store_.arriving(blob) || co_await store_.find(blob))
            co_return true;
        // Imports pin all that they are going to bring before they begin.
        std::set<std::string> importing;
        for (const auto& t : transfers_.all())
            if (t.state == transfer_state::running && t.kind == transfer_kind::import)
                importing.insert(t.digest);
        bool coming = false;
        for (const auto& pin : co_await store_.pins(""))
            for (const auto& digest : importing)
                coming = coming || (pin.name.ends_with(digest) &&
                                    std::ranges::find(pin.blobs, blob) != pin.blobs.end());
        if (!coming || stopping_)
            co_return false;
        co_await progressed_.wait();
    }
}

}  // namespace dm::agent
