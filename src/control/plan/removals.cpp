#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/plan/want.hpp"

namespace dm::plan {
namespace {

constexpr std::size_t containers_shown_max = 3;

const engine_image* image_with_id(const engine_view& engine, std::string_view id) {
    const auto at = std::ranges::find(engine.images, id, &engine_image::id);
    return at == engine.images.end() ? nullptr : &*at;
}

// "used by container web", "used by containers a, b, c and 2 more"
std::string users_text(const engine_image& image) {
    auto names = image.containers;
    std::ranges::sort(names);
    const auto more = names.size() > containers_shown_max ? names.size() - containers_shown_max : 0;
    names.resize(names.size() - more);
    return fmt::format("used by container{} {}{}", image.containers.size() > 1 ? "s" : "",
                       fmt::join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

// Whether the others do without this node's copy: all that have a slot and can be reached hold it,
// and one holds it that will not drop it at the same time as this node, for the same reason. Of
// those without a slot the first by rank keeps it.
bool others_hold_it(const want& w, const multiformats::peer_id& self) {
    bool is_safe = false;
    bool is_before_self = true;
    for (const auto& m : w.placement.members) {
        if (m.id == self) {
            is_before_self = false;
            continue;
        }
        const bool has_slot = m.role == role::owner || m.role == role::substitute;
        const bool holds = std::ranges::find(w.image->holders, m.id) != w.image->holders.end();
        if (has_slot && m.online && !holds)
            return false;
        is_safe = is_safe || (holds && m.online && (has_slot || is_before_self));
    }
    return is_safe;
}

class removal_planner {
  public:
    removal_planner(const inputs& in, std::span<const want> wants, const oci::platform& own)
        : in_(in), wants_(wants), own_(own) {}

    engine_outcome run() {
        std::vector<placed_name> placed{in_.placed.begin(), in_.placed.end()};
        std::ranges::sort(placed);
        if (in_.engine.present && in_.engine.available)
            for (const auto& p : placed)
                consider(p);
        return std::move(out_);
    }

  private:
    void consider(const placed_name& p) {
        const auto* current = image_named(in_.engine, p.name);
        if (current != nullptr && current->id == p.image_id)
            consider_name(p, *current);
        else if (!is_about_to_be_named(p))
            consider_nameless(p);
    }

    // The name is as we left it.
    void consider_name(const placed_name& p, const engine_image& current) {
        if (auto claims = claims_on(p.name); !claims.empty())
            keep(p, std::move(claims));
        else if (!current.containers.empty())
            keep(p, users_text(current));
        else
            act(action_kind::untag, p, "no strategy wants it here");
    }

    // The name is gone or means something else: what is left is the image that we brought.
    void consider_nameless(const placed_name& p) {
        const auto* image = image_with_id(in_.engine, p.image_id);
        if (image == nullptr || !image->names.empty())
            act(action_kind::disown, p, image == nullptr ? "it is gone" : "it has another name");
        else if (!image->containers.empty())
            keep(p, fmt::format("an earlier image of that name, {}", users_text(*image)));
        else
            act(action_kind::remove_image, p, "the name means another image now");
    }

    // We write down what we are about to do first, so a name may not be there yet.
    bool is_about_to_be_named(const placed_name& p) const {
        return std::ranges::any_of(wants_, [&](const want& w) {
            if (!w.obtains() || w.image->record == nullptr || w.what->image.engine_name() != p.name)
                return false;
            const auto ids = engine_ids(*w.image->record, own_);
            return std::ranges::find(ids, p.image_id) != ids.end();
        });
    }

    std::string claims_on(std::string_view name) const {
        std::string out;
        for (const auto& w : wants_) {
            const auto reason =
                w.what->image.engine_name() == name ? reason_to_keep(w, in_.self) : "";
            if (!reason.empty())
                out += fmt::format("{}{}", out.empty() ? "" : "; ", reason);
        }
        return out;
    }

    void keep(const placed_name& p, std::string reason) {
        out_.kept.push_back({p.name, p.image_id, std::move(reason)});
    }

    void act(action_kind kind, const placed_name& p, std::string reason) {
        out_.actions.push_back(
            {.kind = kind, .name = p.name, .image_id = p.image_id, .reason = std::move(reason)});
    }

    const inputs& in_;
    std::span<const want> wants_;
    const oci::platform& own_;
    engine_outcome out_;
};

}  // namespace

const engine_image* image_named(const engine_view& engine, std::string_view name) {
    const auto at = std::ranges::find_if(engine.images, [&](const engine_image& image) {
        return std::ranges::find(image.names, name) != image.names.end();
    });
    return at == engine.images.end() ? nullptr : &*at;
}

std::string reason_to_keep(const want& w, const multiformats::peer_id& self) {
    const auto key = [&] { return prototype_key(*w.what); };
    if (!w.what->execute)
        return fmt::format("{} is paused", key());
    if (w.image == nullptr)
        return fmt::format("{} is not resolved yet", key());
    if (w.superseded)
        return {};
    if (w.role == role::owner || w.role == role::substitute)
        return fmt::format("wanted by {}", key());
    if (w.role == role::surplus)
        return fmt::format("{} misses other nodes", key());
    // Nobody drops the last copy of what somebody wants somewhere.
    if (w.image->complete && w.placement.slots > 0 && !others_hold_it(w, self))
        return fmt::format("{} wants it on nodes that do not have it yet", key());
    return {};
}

engine_outcome plan_removals(const inputs& in, std::span<const want> wants,
                             const oci::platform& own) {
    return removal_planner{in, wants, own}.run();
}

}  // namespace dm::plan
