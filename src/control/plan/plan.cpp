#include "control/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/format.hpp"
#include "control/plan/want.hpp"

namespace dm::plan {
namespace {

bool is_chosen(role r) {
    return r == role::owner || r == role::substitute;
}

std::vector<const strategy*> newest_first(std::span<const strategy> all) {
    std::vector<std::pair<std::string, const strategy*>> sorted;
    for (const auto& s : all)
        sorted.emplace_back(id_of(s), &s);
    std::ranges::sort(sorted, [](const auto& a, const auto& b) {
        return a.second->updated != b.second->updated ? a.second->updated > b.second->updated
                                                      : a.first < b.first;
    });
    std::vector<const strategy*> out;
    for (const auto& [id, s] : sorted)
        out.push_back(s);
    return out;
}

class planner {
  public:
    planner(const inputs& in, const member& self)
        : in_(in), own_(self.platform), available_(in.bytes_available), unused_(in.bytes_unused) {}

    outcome run() {
        for (const auto* s : newest_first(in_.strategies))
            wants_.push_back(want_for(*s));
        mark_superseded();
        statuses_.resize(wants_.size());
        for (std::size_t i = 0; i < wants_.size(); ++i)
            statuses_[i] = {.strategy = wants_[i].id, .role = wants_[i].role};
        for (const auto& w : wants_)
            import_if_due(w);
        // Who owns a slot gets the room before who only substitutes.
        for (const auto turn : {role::owner, role::substitute, role::surplus, role::none})
            for (std::size_t i = 0; i < wants_.size(); ++i)
                if (wants_[i].role == turn)
                    attend(wants_[i], statuses_[i]);
        auto engine = plan_removals(in_, wants_, own_);
        std::ranges::move(engine.actions, std::back_inserter(actions_));
        unpin_rest();
        return {std::move(actions_), std::move(statuses_), std::move(engine.kept)};
    }

  private:
    want want_for(const strategy& s) const {
        want w{.what = &s, .id = id_of(s), .placement = {}};
        if (s.digest) {
            const auto at = std::ranges::find(in_.images, *s.digest, &image_view::digest);
            w.image = at == in_.images.end() ? nullptr : &*at;
        }
        std::vector<oci::platform> platforms;
        if (w.image != nullptr && w.image->record != nullptr)
            for (const auto& p : w.image->record->platforms)
                platforms.push_back(p.platform);
        w.placement = place(s, platforms, in_.members, in_.self, in_.now, in_.placement);
        w.role = w.placement.role_of(in_.self);
        return w;
    }

    // Of strategies that want different images under one name here, the newest has it.
    void mark_superseded() {
        std::map<std::string, const want*> holder;
        for (auto& w : wants_) {
            if (!w.obtains())
                continue;
            const auto [at, first] = holder.emplace(w.what->image.engine_name(), &w);
            w.superseded = !first && at->second->image->digest != w.image->digest;
        }
    }

    // Of the platforms that chosen nodes run: those that somebody has to bring from upstream.
    std::vector<oci::platform> platforms_to_import(const want& w) const {
        const auto* record = w.image->record;
        std::set<oci::platform> missing;
        for (const auto& m : in_.members) {
            if (!is_chosen(w.placement.role_of(m.id)))
                continue;
            const auto* found = record != nullptr ? record->select(m.platform) : nullptr;
            if (record == nullptr)
                missing.insert(m.platform);
            else if (found != nullptr && !found->is_imported())
                missing.insert(found->platform);
        }
        if (record != nullptr && !missing.empty())
            for (const auto& p : record->platforms)  // a new record must not know less
                if (p.is_imported())
                    missing.insert(p.platform);
        return {missing.begin(), missing.end()};
    }

    // The node that took the request imports. If nobody is seen to, the online members take over,
    // one after the other by rank, each given its time.
    bool is_importer(const want& w) const {
        if (w.what->origin == in_.self)
            return true;
        auto patience = in_.import_patience;
        for (const auto& m : w.placement.members) {
            if (m.id == in_.self)
                return in_.now - w.image->import_seen >= patience;
            if (m.online && m.id != w.what->origin)
                patience += in_.import_patience;
        }
        return false;
    }

    void import_if_due(const want& w) {
        if (!w.what->execute || w.image == nullptr || w.superseded || !is_importer(w))
            return;
        auto platforms = platforms_to_import(w);
        if (!platforms.empty() && imported_.insert(w.image->digest).second)
            actions_.push_back({.kind = action_kind::import_image,
                                .strategy = w.id,
                                .image = w.image->digest,
                                .platforms = std::move(platforms),
                                .reason = "no node has it"});
    }

    void attend(const want& w, strategy_status& status) {
        if (!reason_to_keep(w, in_.self).empty())
            keep(w);
        if (!w.what->execute)
            set(status, phase::paused, "nothing is fetched, loaded or removed for it");
        else if (w.image == nullptr)
            set(status, phase::unresolved, "it is not known yet which image the tag means");
        else if (w.superseded)
            set(status, phase::superseded,
                fmt::format("a newer strategy puts another image under {}",
                            w.what->image.engine_name()));
        else if (!is_chosen(w.role))
            set(status, phase::not_chosen, not_chosen_detail(w));
        else
            obtain(w, status);
    }

    std::string not_chosen_detail(const want& w) const {
        if (w.role == role::surplus && w.image->complete)
            return "kept until the nodes that own it are back";
        if (w.image->complete && !reason_to_keep(w, in_.self).empty())
            return "kept until a node that owns it has it";
        return fmt::format("{} of {} nodes have it, this is none of them", w.placement.slots,
                           w.placement.members.size());
    }

    void obtain(const want& w, strategy_status& status) {
        const auto* record = w.image->record;
        const auto* selected = record != nullptr ? record->select(own_) : nullptr;
        if (record != nullptr && selected == nullptr)
            return set(status, phase::wrong_platform,
                       fmt::format("the image does not exist for {}", own_.to_string()));
        if (selected == nullptr || !selected->is_imported())
            return set(status, phase::importing,
                       is_importer(w) ? "this node imports it" : "another node imports it");
        if (!w.image->complete)
            return fetch(w, status);
        keep(w);
        if (!in_.engine.present)
            return set(status, phase::done, "in the store");
        if (!in_.engine.available)
            return set(status, phase::engine_unavailable, "the container engine does not answer");
        load(w, status);
    }

    void fetch(const want& w, strategy_status& status) {
        const bool planned = fetched_.contains(w.image->digest);
        if (!planned && w.image->bytes_missing > available_)
            return set(status, phase::blocked,
                       fmt::format("needs {}, {} are available",
                                   to_size_text(w.image->bytes_missing), to_size_text(available_)));
        // Who only covers for another lets nothing go for that.
        if (!planned && w.role == role::substitute && w.image->bytes_missing > unused_)
            return set(status, phase::blocked,
                       fmt::format("needs {}, {} are unused: a substitute takes no more",
                                   to_size_text(w.image->bytes_missing), to_size_text(unused_)));
        set(status, phase::fetching, "");
        if (planned)
            return;
        fetched_.insert(w.image->digest);
        available_ -= w.image->bytes_missing;
        unused_ -= std::min(unused_, w.image->bytes_missing);
        actions_.push_back({.kind = action_kind::fetch,
                            .strategy = w.id,
                            .image = w.image->digest,
                            .reason = std::string{name_of(w.role)}});
    }

    void load(const want& w, strategy_status& status) {
        const auto name = w.what->image.engine_name();
        const auto ids = engine_ids(*w.image->record, own_);
        const auto* there = image_named(in_.engine, name);
        const auto is_ours = [&] {
            return std::ranges::find(in_.placed, placed_name{name, there->id}) != in_.placed.end();
        };
        if (there != nullptr && std::ranges::find(ids, there->id) != ids.end())
            return set(status, phase::done,
                       is_ours() ? "" : "was there already, and will not be removed");
        if (there != nullptr && !is_ours() && !may_replace(w))
            return set(status, phase::conflict,
                       fmt::format("{} is another image that DistroMash did not place", name));
        set(status, phase::loading, "");
        if (loaded_.insert(name).second)
            actions_.push_back({.kind = action_kind::load,
                                .strategy = w.id,
                                .image = w.image->digest,
                                .name = name,
                                .replace = may_replace(w),
                                .reason = there == nullptr ? "not in the engine"
                                          : is_ours()      ? "the tag means another image now"
                                                           : "the strategy says replace"});
    }

    // Whether any strategy that wants this image under this name allows it.
    bool may_replace(const want& w) const {
        return std::ranges::any_of(wants_, [&](const want& other) {
            return other.obtains() && other.what->replace && other.image == w.image &&
                   other.what->image.engine_name() == w.what->image.engine_name();
        });
    }

    // The image stays in the store. Pausing keeps what is pinned and pins nothing more.
    void keep(const want& w) {
        if (w.image == nullptr)
            return;
        kept_.insert(w.image->digest);
        if (!w.image->complete || w.image->pinned || !w.what->execute)
            return;
        if (pinned_.insert(w.image->digest).second)
            actions_.push_back({.kind = action_kind::pin,
                                .strategy = w.id,
                                .image = w.image->digest,
                                .reason = "a strategy wants it"});
    }

    void unpin_rest() {
        for (const auto& image : in_.images)
            if (image.pinned && !kept_.contains(image.digest))
                actions_.push_back({.kind = action_kind::unpin,
                                    .image = image.digest,
                                    .reason = "no strategy wants it here"});
    }

    static void set(strategy_status& status, phase p, std::string detail) {
        status.phase = p;
        status.detail = std::move(detail);
    }

    const inputs& in_;
    const oci::platform& own_;
    std::uint64_t available_;
    std::uint64_t unused_;
    std::vector<want> wants_;
    std::vector<strategy_status> statuses_;
    std::vector<action> actions_;
    std::set<crypto::digest> imported_;
    std::set<crypto::digest> fetched_;
    std::set<crypto::digest> kept_;
    std::set<crypto::digest> pinned_;
    std::set<std::string> loaded_;
};

}  // namespace

std::string_view name_of(action_kind kind) noexcept {
    switch (kind) {
        case action_kind::import_image:
            return "import";
        case action_kind::fetch:
            return "fetch";
        case action_kind::pin:
            return "pin";
        case action_kind::load:
            return "load";
        case action_kind::untag:
            return "untag";
        case action_kind::remove_image:
            return "remove_image";
        case action_kind::disown:
            return "disown";
        case action_kind::unpin:
            return "unpin";
    }
    return "";
}

std::string_view name_of(phase p) noexcept {
    switch (p) {
        case phase::paused:
            return "paused";
        case phase::unresolved:
            return "unresolved";
        case phase::not_chosen:
            return "not_chosen";
        case phase::superseded:
            return "superseded";
        case phase::wrong_platform:
            return "wrong_platform";
        case phase::importing:
            return "importing";
        case phase::blocked:
            return "blocked";
        case phase::fetching:
            return "fetching";
        case phase::engine_unavailable:
            return "engine_unavailable";
        case phase::conflict:
            return "conflict";
        case phase::loading:
            return "loading";
        case phase::done:
            return "done";
    }
    return "";
}

outcome make_plan(const inputs& in) {
    const auto self = std::ranges::find(in.members, in.self, &member::id);
    if (self == in.members.end())
        return {};
    return planner{in, *self}.run();
}

std::vector<std::string> engine_ids(const oci::image_record& record, const oci::platform& own) {
    std::vector<std::string> out;
    const auto* selected = record.select(own);
    if (selected == nullptr)
        return out;
    if (selected->is_imported())
        out.push_back(selected->blobs.front().to_string());
    for (const auto& digest : {selected->manifest, record.digest})
        if (std::ranges::find(out, digest.to_string()) == out.end())
            out.push_back(digest.to_string());
    return out;
}

}  // namespace dm::plan
