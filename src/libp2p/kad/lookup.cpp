#include "libp2p/kad/lookup.hpp"

#include <algorithm>

namespace dm::kad {

lookup::lookup(key target, const std::vector<peer_id>& seeds, lookup_options o)
    : target_(target), options_(o) {
    for (const auto& id : seeds)
        add(id);
}

/// When there are too many, the farthest that was not asked goes.
void lookup::add(const peer_id& id) {
    candidates_.try_emplace(distance(key_of(id), target_), candidate{id});
    if (candidates_.size() <= options_.candidates_max)
        return;
    for (auto it = candidates_.end(); it != candidates_.begin();)
        if ((--it)->second.at == state::known || it->second.at == state::failed) {
            candidates_.erase(it);
            return;
        }
}

lookup::candidate* lookup::find(const peer_id& id) {
    const auto it = candidates_.find(distance(key_of(id), target_));
    return it == candidates_.end() ? nullptr : &it->second;
}

bool lookup::is_converged() const {
    const auto enough = options_.is_thorough ? options_.width : options_.confirmed;
    std::size_t have = 0;
    for (const auto& [d, c] : candidates_) {
        if (c.at == state::failed)
            continue;
        if (c.at != state::answered)
            return false;
        if (++have == enough)
            return true;
    }
    return true;
}

bool lookup::is_done() const {
    return under_way_ == 0 && (is_stopped_ || is_converged());
}

std::optional<peer_id> lookup::next() {
    if (is_stopped_ || under_way_ >= options_.parallel || is_converged())
        return std::nullopt;
    std::size_t closer = 0;
    for (auto& [d, c] : candidates_) {
        if (c.at == state::failed)
            continue;
        if (c.at == state::known) {
            c.at = state::asked;
            ++under_way_;
            return c.id;
        }
        if (++closer >= options_.width)
            return std::nullopt;
    }
    return std::nullopt;
}

void lookup::answered(const peer_id& who, const std::vector<peer_id>& closer) {
    auto* c = find(who);
    if (!c || c->at != state::asked)
        return;
    --under_way_;
    c->at = state::answered;
    for (const auto& id : closer)
        add(id);
}

void lookup::failed(const peer_id& who) {
    auto* c = find(who);
    if (!c || c->at != state::asked)
        return;
    --under_way_;
    c->at = state::failed;
}

std::vector<peer_id> lookup::closest() const {
    std::vector<peer_id> out;
    for (const auto& [d, c] : candidates_)
        if (c.at == state::answered && out.size() < options_.width)
            out.push_back(c.id);
    return out;
}

}  // namespace dm::kad
