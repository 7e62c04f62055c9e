#include "mesh/presence/roster.hpp"

#include <algorithm>

namespace dm::presence {

std::string_view name_of(liveness l) noexcept {
    switch (l) {
        case liveness::online:
            return "online";
        case liveness::suspect:
            return "suspect";
        case liveness::offline:
            return "offline";
    }
    return "unknown";
}

roster::roster(steady_time now, const peer_id& self, std::uint64_t seed, roster_options o)
    : options_(o),
      random_(seed),
      self_(self),
      started_(now),
      next_beat_(now),
      last_beat_(now - o.spacing) {}

/// nullptr when there are too many. An entry that says nothing makes room first.
roster::entry* roster::entry_of(steady_time now, const peer_id& peer) {
    if (const auto it = peers_.find(peer); it != peers_.end())
        return &it->second;
    if (peers_.size() >= options_.peers_max) {
        const auto idle = std::ranges::find_if(peers_, [](const auto& p) {
            return p.second.state == liveness::offline && !p.second.is_connected;
        });
        if (idle == peers_.end())
            return nullptr;
        peers_.erase(idle);
    }
    // One that is heard of after all had time to speak up has been away, as find() said.
    const bool was_offline = now >= started_ + options_.silence;
    return &peers_.emplace(peer, entry{.since = now, .heard = now, .was_offline = was_offline})
                .first->second;
}

void roster::become(steady_time now, const peer_id& peer, entry& e, liveness state) {
    if (e.state == state)
        return;
    e.state = state;
    e.since = now;
    e.was_offline = e.was_offline || state == liveness::offline;
    changed_.insert(peer);
}

void roster::hurry(steady_time at) {
    next_beat_ = std::min(next_beat_, std::max(at, last_beat_ + options_.spacing));
}

void roster::connected(steady_time now, const peer_id& peer) {
    if (auto* e = entry_of(now, peer)) {
        e->is_connected = true;
        e->lost.reset();
        gone_.erase(peer);
        become(now, peer, *e, liveness::online);
    }
}

void roster::disconnected(steady_time now, const peer_id& peer) {
    const auto it = peers_.find(peer);
    if (it == peers_.end())
        return;
    it->second.is_connected = false;
    it->second.heard = now;
    if (it->second.state == liveness::online)
        it->second.lost = now;
}

void roster::listener(steady_time now) {
    is_status_due_ = true;
    const auto permille = static_cast<std::int64_t>(random_() % 1001);
    hurry(now + options_.spacing * permille / 1000);
}

/// What is lacking is asked for after a random while: somebody else may do so.
void roster::take_status(steady_time now, const peer_id& author, entry& e, beat& b) {
    if (b.same_status) {
        if (*b.same_status == digest_of(e.status) || lacking_.size() >= asked_max)
            return;
        lacking_.insert(author);
        const auto permille = static_cast<std::int64_t>(random_() % 1001);
        hurry(now + options_.spacing * permille / 1000);
        return;
    }
    lacking_.erase(author);
    if (e.status == b.status)
        return;
    e.status = std::move(b.status);
    changed_.insert(author);
}

void roster::take_asked(steady_time now, const std::vector<peer_id>& asked) {
    for (const auto& peer : asked) {
        lacking_.erase(peer);
        if (peer != self_)
            continue;
        is_status_due_ = true;
        hurry(said_ ? std::max(now, *said_ + options_.answer_spacing) : now);
    }
}

void roster::heard(steady_time now, const peer_id& author, std::uint64_t number, beat b) {
    if (author == self_)
        return;
    if (auto* e = entry_of(now, author)) {
        if (number <= e->number)
            return;
        e->number = number;
        e->heard = now;
        e->lost.reset();
        gone_.erase(author);
        if (!b.is_leaving)
            take_status(now, author, *e, b);
        become(now, author, *e, b.is_leaving ? liveness::offline : liveness::online);
    }
    take_asked(now, b.asked);
    for (const auto& peer : b.gone) {
        if (peer == self_)
            hurry(now);
        const auto it = peers_.find(peer);
        if (it == peers_.end() || it->second.is_connected || it->second.state != liveness::online)
            continue;
        become(now, peer, it->second, liveness::suspect);
    }
}

void roster::status_changed(steady_time now, std::string status) {
    if (status.size() > status_bytes_max || status == status_)
        return;
    status_ = std::move(status);
    is_status_due_ = true;
    hurry(now);
}

/// When time alone changes the state.
std::optional<steady_time> roster::next_change(const entry& e) const {
    if (e.is_connected || e.state == liveness::offline)
        return std::nullopt;
    if (e.state == liveness::suspect)
        return e.since + options_.suspicion;
    const auto silent = e.heard + options_.silence;
    return e.lost ? std::min(silent, *e.lost + options_.gone) : silent;
}

steady_time roster::deadline() const {
    auto out = is_leaving_ ? steady_time::max() : next_beat_;
    for (const auto& [peer, e] : peers_)
        if (const auto at = next_change(e))
            out = std::min(out, *at);
    return out;
}

void roster::tick(steady_time now) {
    for (auto& [peer, e] : peers_) {
        const auto at = next_change(e);
        if (!at || *at > now)
            continue;
        if (e.state == liveness::suspect) {
            become(now, peer, e, liveness::offline);
            continue;
        }
        if (std::exchange(e.lost, std::nullopt) && gone_.size() < gone_max) {
            gone_.insert(peer);
            hurry(now);
        }
        become(now, peer, e, liveness::suspect);
    }
}

beat roster::farewell() {
    is_leaving_ = true;
    return {.status = {}, .gone = {}, .is_leaving = true};
}

std::optional<beat> roster::poll(steady_time now) {
    if (now < next_beat_ || is_leaving_)
        return std::nullopt;
    last_beat_ = now;
    // A tenth more or less, so that a fleet does not beat in step.
    const auto permille = 900 + static_cast<std::int64_t>(random_() % 201);
    next_beat_ = now + std::chrono::milliseconds(options_.interval) * permille / 1000;
    beat out{.gone = {gone_.begin(), gone_.end()}, .asked = {lacking_.begin(), lacking_.end()}};
    gone_.clear();
    lacking_.clear();
    if (std::exchange(is_status_due_, false)) {
        out.status = status_;
        said_ = now;
    } else {
        out.same_status = digest_of(status_);
    }
    return out;
}

sighting roster::find(const peer_id& peer, steady_time now) const {
    if (peer == self_)
        return {.state = liveness::online, .since = started_, .status = status_};
    if (const auto it = peers_.find(peer); it != peers_.end())
        return {.state = it->second.state,
                .since = it->second.since,
                .status = it->second.status,
                .was_offline = it->second.was_offline};
    const auto patience = started_ + options_.silence;
    return now < patience ? sighting{.state = liveness::online, .since = started_}
                          : sighting{.state = liveness::offline,
                                     .since = patience,
                                     .status = {},
                                     .was_offline = true};
}

std::set<peer_id> roster::take_changed() {
    return std::exchange(changed_, {});
}

}  // namespace dm::presence
