#include "control/agent/catalogue.hpp"

#include <algorithm>
#include <unordered_map>

#include "base/log.hpp"
#include "control/plan/key.hpp"
#include "mesh/trust/envelope.hpp"

namespace dm::agent {
namespace {

std::string key_of(plan::record_kind kind, std::string id) {
    return plan::to_string({kind, std::move(id)});
}

/// Keeps `all[id]` in step with a record; false when the record cannot be read.
template <class Map, class Decode>
bool follow(Map& all, const typename Map::key_type& id, const std::optional<std::string>& value,
            Decode decode) {
    if (!value) {
        all.erase(id);
        return true;
    }
    auto record = decode(*value);
    if (!record)
        return false;
    all.insert_or_assign(id, *std::move(record));
    return true;
}

/// A signed word that the record is gone: seen where every member steers but others' nodes sign.
bool is_deletion(std::string_view value) {
    if (!value.contains(R"("deleted":true)"))
        return false;
    const auto said = trust::read_envelope(value);
    return said && said->is_deleted;
}

/// Whether two records of the same image cannot both be true: what both say of a blob or of a
/// platform differs, or one does not know a platform of the other.
bool contradict(const oci::image_record& a, const oci::image_record& b) {
    if (a.digest != b.digest || a.media_type != b.media_type ||
        a.platforms.size() != b.platforms.size())
        return true;
    std::unordered_map<crypto::digest, const oci::image_blob*> blobs;
    for (const auto& blob : a.blobs)
        blobs.emplace(blob.digest, &blob);
    for (const auto& blob : b.blobs)
        if (const auto it = blobs.find(blob.digest); it != blobs.end() && *it->second != blob)
            return true;
    return !std::ranges::all_of(a.platforms, [&](const oci::image_platform& p) {
        const auto it = std::ranges::find(b.platforms, p.manifest, &oci::image_platform::manifest);
        return it != b.platforms.end() && it->platform == p.platform &&
               (!p.is_imported() || !it->is_imported() || p.blobs == it->blobs);
    });
}

}  // namespace

std::string name_key(const oci::reference& ref) {
    auto plain = ref;
    plain.digest.reset();
    return plain.canonical();
}

catalogue::catalogue(state::table& shared)
    : shared_(shared), watching_(shared.watch([this](const state::change& c) { apply(c); })) {
    for (const auto& [key, value] : shared.all())
        apply({key, value});
}

void catalogue::apply(const state::change& written) {
    auto c = written;
    if (c.value && is_deletion(*c.value))
        c.value.reset();
    const auto key = plan::parse_record_key(c.key);
    bool understood = true;
    if (key) {
        switch (key->kind) {
            case plan::record_kind::image: {
                const auto digest = crypto::parse_digest(key->id);
                if (digest && !c.value)
                    certified_.erase(*digest);
                if (digest && c.value && is_untrue(*digest, *c.value)) {
                    log::warn("image record is not true of the image", {{"key", c.key}});
                    images_.insert_or_assign(*digest, certified_.at(*digest));
                    break;
                }
                understood = digest && follow(images_, *digest, c.value, oci::decode_image_record);
                if (understood && c.value && images_.at(*digest).digest != *digest) {
                    images_.erase(*digest);
                    understood = false;
                }
                break;
            }
            case plan::record_kind::name:
                understood = follow(names_, key->id, c.value, plan::decode_name_record);
                break;
            case plan::record_kind::strategy:
                understood = follow(strategies_, key->id, c.value, plan::decode_strategy);
                break;
            case plan::record_kind::node:
                understood = follow(nodes_, key->id, c.value, plan::decode_node_record);
                break;
            case plan::record_kind::label:
                understood = follow(labels_, key->id, c.value, plan::decode_label_record);
                break;
            case plan::record_kind::operators:
                break;
        }
    }
    if (!understood)
        log::warn("record cannot be read", {{"key", c.key}});
    if (on_change_)
        on_change_(c);
}

bool catalogue::is_untrue(const crypto::digest& image, std::string_view record) const {
    const auto it = certified_.find(image);
    if (it == certified_.end())
        return false;
    const auto said = oci::decode_image_record(record);
    return !said || contradict(it->second, *said);
}

bool catalogue::certify(const oci::image_record& image) {
    certified_.insert_or_assign(image.digest, image);
    const auto known = images_.find(image.digest);
    if (known == images_.end() || !contradict(image, known->second))
        return false;
    log::warn("image record is not true of the image", {{"image", image.digest.to_string()}});
    known->second = image;
    return true;
}

const oci::image_record* catalogue::image(const crypto::digest& digest) const {
    const auto it = images_.find(digest);
    return it == images_.end() ? nullptr : &it->second;
}

const plan::label_record* catalogue::labels_of(const multiformats::peer_id& node) const {
    const auto it = labels_.find(node.to_string());
    return it == labels_.end() ? nullptr : &it->second;
}

const oci::image_record* catalogue::image_with_root(const multiformats::cid& root) const {
    for (const auto& [digest, record] : images_)
        if (record.root.hash() == root.hash())
            return &record;
    return nullptr;
}

const plan::name_record* catalogue::name(const oci::reference& ref) const {
    const auto it = names_.find(name_key(ref));
    return it == names_.end() ? nullptr : &it->second;
}

std::vector<const plan::name_record*> catalogue::names_of(const crypto::digest& image) const {
    std::vector<const plan::name_record*> out;
    for (const auto& [key, record] : names_)
        if (record.digest == image)
            out.push_back(&record);
    return out;
}

std::optional<error> catalogue::refusal() const {
    return shared_.refusal(plan::key_prefix(plan::record_kind::strategy));
}

void catalogue::require_operator() const {
    if (auto why_not = refusal())
        throw failure(*std::move(why_not));
}

awaitable<void> catalogue::put(const oci::image_record* image, const plan::name_record& name) {
    std::vector<state::table::entry> changes;
    if (image)
        changes.emplace_back(key_of(plan::record_kind::image, image->digest.to_string()),
                             oci::encode(*image));
    auto key = key_of(plan::record_kind::name, name_key(name.name));
    if (!image || !shared_.refusal(key))
        changes.emplace_back(std::move(key), plan::encode(name));
    co_await shared_.set_all(std::move(changes));
}

awaitable<void> catalogue::put(const plan::strategy& r) {
    co_await shared_.set(key_of(plan::record_kind::strategy, plan::id_of(r)), plan::encode(r));
}

awaitable<void> catalogue::put(const plan::node_record& r) {
    co_await shared_.set(key_of(plan::record_kind::node, r.id.to_string()), plan::encode(r));
}

awaitable<void> catalogue::put(const plan::label_record& r) {
    co_await shared_.set(key_of(plan::record_kind::label, r.id.to_string()), plan::encode(r));
}

awaitable<void> catalogue::erase_strategy(std::string id) {
    co_await shared_.erase(key_of(plan::record_kind::strategy, std::move(id)));
}

awaitable<void> catalogue::erase_image(crypto::digest digest) {
    co_await shared_.erase(key_of(plan::record_kind::image, digest.to_string()));
}

awaitable<void> catalogue::erase_name(std::string canonical) {
    co_await shared_.erase(key_of(plan::record_kind::name, std::move(canonical)));
}

}  // namespace dm::agent
