#include "control/agent/fleet.hpp"

#include <algorithm>
#include <set>

namespace dm::agent {
namespace {

using report::node_report;
using report::strategy_line;

/// The strategies of which the two say different things.
std::vector<std::uint64_t> differing(const node_report& a, const node_report& b) {
    std::set<std::uint64_t> out;
    const auto add = [&out](const node_report& from, const node_report& other) {
        for (const auto& line : from.lines) {
            const auto* same = other.find(line.strategy);
            if (!same || !(same->status == line.status))
                out.insert(line.strategy);
        }
    };
    add(a, b);
    add(b, a);
    return {out.begin(), out.end()};
}

/// The strategies for which `now` has more bytes than `before`, or has just begun.
std::vector<std::uint64_t> moving(const node_report& before, const node_report& now) {
    std::vector<std::uint64_t> out;
    for (const auto& line : now.lines) {
        if (line.status.state != report::image_state::importing)
            continue;
        const auto* old = before.find(line.strategy);
        if (!old || old->status.state != line.status.state ||
            old->status.bytes_done < line.status.bytes_done)
            out.push_back(line.strategy);
    }
    return out;
}

}  // namespace

fleet::news fleet::update(const multiformats::peer_id& peer) {
    if (!see_)
        return {};
    static const node_report nothing;
    auto seen = see_(peer);
    auto& e = members_[peer];
    news out;
    out.liveness = e.seen.state != seen.state || e.seen.was_offline != seen.was_offline;
    if (auto said = seen.status.empty() ? std::nullopt : report::decode(seen.status)) {
        const auto before = e.said;
        const auto& old = before ? *before : nothing;
        out.node = !before || old.engine != said->engine || old.started != said->started ||
                   old.engine_state != said->engine_state ||
                   old.disk_free_bytes != said->disk_free_bytes;
        out.held = old.held != said->held;
        out.strategies = differing(old, *said);
        out.moving = moving(old, *said);
        e.said = std::make_shared<const node_report>(*std::move(said));
    }
    seen.status.clear();
    e.seen = std::move(seen);
    return out;
}

presence::sighting fleet::sighting_of(const multiformats::peer_id& peer) const {
    // Of one that has said nothing nobody tells when it is given up.
    if (const auto it = members_.find(peer); it != members_.end() && it->second.said)
        return it->second.seen;
    if (!see_)
        return {};
    auto out = see_(peer);
    out.status.clear();
    return out;
}

fleet::report_ptr fleet::report_of(const multiformats::peer_id& peer) const {
    const auto it = members_.find(peer);
    return it == members_.end() ? nullptr : it->second.said;
}

std::vector<multiformats::peer_id> fleet::holders(const crypto::digest& image) const {
    std::vector<multiformats::peer_id> out;
    for (const auto& [peer, e] : members_)
        if (e.said && e.seen.state != presence::liveness::offline && e.said->holds(image))
            out.push_back(peer);
    return out;
}

}  // namespace dm::agent
