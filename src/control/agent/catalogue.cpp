#include "control/agent/catalogue.hpp"

#include "base/log.hpp"
#include "control/plan/key.hpp"

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

void catalogue::apply(const state::change& c) {
    const auto key = plan::parse_record_key(c.key);
    bool understood = true;
    if (key) {
        switch (key->kind) {
            case plan::record_kind::image: {
                const auto digest = crypto::parse_digest(key->id);
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
            case plan::record_kind::operators:
                break;
        }
    }
    if (!understood)
        log::warn("record cannot be read", {{"key", c.key}});
    if (on_change_)
        on_change_(c);
}

const oci::image_record* catalogue::image(const crypto::digest& digest) const {
    const auto it = images_.find(digest);
    return it == images_.end() ? nullptr : &it->second;
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

awaitable<void> catalogue::put(const oci::image_record* image, const plan::name_record& name) {
    std::vector<state::table::entry> changes;
    if (image)
        changes.emplace_back(key_of(plan::record_kind::image, image->digest.to_string()),
                             oci::encode(*image));
    changes.emplace_back(key_of(plan::record_kind::name, name_key(name.name)), plan::encode(name));
    co_await shared_.set_all(std::move(changes));
}

awaitable<void> catalogue::put(const plan::strategy& r) {
    co_await shared_.set(key_of(plan::record_kind::strategy, plan::id_of(r)), plan::encode(r));
}

awaitable<void> catalogue::put(const plan::node_record& r) {
    co_await shared_.set(key_of(plan::record_kind::node, r.id.to_string()), plan::encode(r));
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
