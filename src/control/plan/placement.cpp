#include "control/plan/placement.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace dm::plan {
namespace {

bool runs_on(std::span<const oci::platform> image_platforms, const oci::platform& own) {
    return image_platforms.empty() ||
           std::ranges::any_of(image_platforms, [&](const oci::platform& p) {
               return oci::match_rank(own, p).has_value();
           });
}

struct ranked {
    const member* who;
    rank by;
    bool online;
};

// What the liveness rules need to know of a member.
struct member_liveness {
    bool gone = false;  ///< offline past the grace: its slot may be covered
    bool back = false;  ///< online for long enough that nobody needs to cover for it
};

member_liveness liveness_of(const ranked& r, steady_time now, const placement_options& options) {
    const auto lasted = now - r.who->since;
    return {.gone = !r.online && lasted >= options.offline_grace,
            .back = r.online && (!r.who->was_offline || lasted >= options.surplus_delay)};
}

std::vector<ranked> members_of(const strategy_request& s,
                               std::span<const oci::platform> image_platforms,
                               std::span<const member> members, const multiformats::peer_id& self) {
    std::vector<ranked> out;
    const auto repository = s.image.repository();
    for (const auto& m : members)
        if (matches(s.selector, m.labels) && runs_on(image_platforms, m.platform))
            out.push_back({&m, rank_of(repository, m.id), m.online || m.id == self});
    std::ranges::sort(out, [](const ranked& a, const ranked& b) {
        return a.by != b.by ? a.by > b.by : a.who->id < b.who->id;
    });
    return out;
}

placement place_percentage(const strategy_request& s, std::span<const ranked> all, steady_time now,
                           const placement_options& options) {
    placement out;
    out.slots = slots_for(s.percentage, all.size());
    std::size_t seen = 0;
    std::size_t uncovered = 0;  // slots that need a substitute
    std::size_t unsettled = 0;  // slots whose substitute may not go yet
    for (std::size_t i = 0; i < all.size(); ++i) {
        seen += all[i].online ? 1 : 0;
        if (i >= out.slots)
            continue;
        const auto owner = liveness_of(all[i], now, options);
        uncovered += owner.gone ? 1 : 0;
        unsettled += owner.back ? 0 : 1;
    }
    // A node that is cut off from most of the others must not load everything.
    const bool may_substitute = 2 * seen >= all.size();
    for (std::size_t i = 0; i < all.size(); ++i) {
        placed_member m{all[i].who->id, role::none, all[i].online};
        if (i < out.slots) {
            m.role = role::owner;
        } else if (!liveness_of(all[i], now, options).gone) {
            // `uncovered` is never more than `unsettled`: who is gone is not back.
            if (uncovered > 0 && may_substitute)
                m.role = role::substitute;
            else if (unsettled > 0)
                m.role = role::surplus;
            uncovered -= uncovered > 0 ? 1 : 0;
            unsettled -= unsettled > 0 ? 1 : 0;
        }
        out.members.push_back(m);
    }
    return out;
}

// Who is named is placed even where the image cannot run: the node then says so itself.
placement place_targets(const strategy_request& s, std::span<const member> members,
                        const multiformats::peer_id& self) {
    placement out;
    out.slots = s.targets.size();
    for (const auto& m : members) {
        const bool named = std::ranges::binary_search(s.targets, m.id);
        const bool chosen = named && matches(s.selector, m.labels);
        out.members.push_back({m.id, chosen ? role::owner : role::none, m.online || m.id == self});
    }
    std::ranges::sort(out.members, {}, &placed_member::id);
    for (const auto& target : s.targets)
        if (!std::ranges::binary_search(out.members, target, {}, &placed_member::id))
            out.pending.push_back(target);
    return out;
}

}  // namespace

std::string_view name_of(role r) noexcept {
    switch (r) {
        case role::none:
            return "none";
        case role::owner:
            return "owner";
        case role::substitute:
            return "substitute";
        case role::surplus:
            return "surplus";
    }
    return "";
}

role placement::role_of(const multiformats::peer_id& id) const noexcept {
    const auto at = std::ranges::find(members, id, &placed_member::id);
    return at == members.end() ? role::none : at->role;
}

rank rank_of(std::string_view repository, const multiformats::peer_id& id) {
    auto input = to_bytes(repository);
    input.push_back(std::byte{0});
    append(input, id.bytes());
    return crypto::sha256(input);
}

std::size_t slots_for(unsigned percentage, std::size_t members) noexcept {
    return (percentage * members + 99) / 100;
}

std::optional<steady_time> next_change(std::span<const member> members, steady_time now,
                                       const placement_options& options) {
    std::optional<steady_time> out;
    for (const auto& m : members) {
        if (m.online && !m.was_offline)
            continue;
        const auto at = m.since + (m.online ? options.surplus_delay : options.offline_grace);
        if (at > now && (!out || at < *out))
            out = at;
    }
    return out;
}

placement place(const strategy_request& s, std::span<const oci::platform> image_platforms,
                std::span<const member> members, const multiformats::peer_id& self, steady_time now,
                const placement_options& options) {
    if (s.type == strategy_type::target)
        return place_targets(s, members, self);
    return place_percentage(s, members_of(s, image_platforms, members, self), now, options);
}

}  // namespace dm::plan
