#include "content/bitswap/session.hpp"

#include <algorithm>

namespace dm::bitswap {
namespace {

constexpr std::size_t window_min = 2;
constexpr std::uint32_t probes_max = 6;
/// Pending blocks that are looked at before those behind them have to wait.
constexpr std::size_t scan_max = 256;
/// A peer is asked for less at once when its answers take so much longer than its fastest.
constexpr int latency_grow_factor = 4;
constexpr int latency_shrink_factor = 8;
constexpr std::chrono::milliseconds latency_slack{100};

}  // namespace

void session::emit(session_action::kind what, const cid& id, std::optional<peer_id> peer) {
    actions_.push_back({what, id, std::move(peer)});
}

std::optional<session_action> session::poll() {
    if (actions_.empty())
        return std::nullopt;
    auto out = std::move(actions_.front());
    actions_.pop_front();
    return out;
}

/// Takes the block out of where it is and puts it there.
void session::move(const cid& id, item& it, place to) {
    switch (it.at) {
        case place::pending:
            pending_.erase(it.urgency);
            break;
        case place::asked:
            asked_.erase(it.asked_order);
            if (const auto m = members_.find(*it.from); m != members_.end())
                --m->second.asked;
            it.from.reset();
            break;
        case place::broadcast:
            broadcast_.erase(id);
            break;
        case place::stuck:
            stuck_.erase(id);
            break;
    }
    it.at = to;
    if (to == place::pending)
        pending_.emplace(it.urgency, id);
    else if (to == place::broadcast)
        broadcast_.insert(id);
    else if (to == place::stuck)
        stuck_.insert(id);
}

void session::want(steady_time now, const std::vector<cid>& ids) {
    for (const auto& id : ids) {
        const auto [it, is_new] = items_.try_emplace(id);
        if (!is_new)
            continue;
        it->second.urgency = ++last_order_;
        pending_.emplace(it->second.urgency, id);
    }
    assign(now);
}

void session::cancel(const cid& id) {
    const auto it = items_.find(id);
    if (it == items_.end())
        return;
    for (const auto& peer : it->second.told)
        emit(session_action::kind::cancel, id, peer);
    move(id, it->second, place::stuck);
    stuck_.erase(id);
    items_.erase(it);
}

void session::make_useful(member& m) const {
    m.is_useful = true;
    m.refusals = 0;
    if (m.window == 0)
        m.window = options_.window_start;
}

void session::peer_there(steady_time now, const peer_id& peer, bool has_presence,
                         bool is_provider) {
    const auto [found, is_new] = members_.try_emplace(peer);
    auto& m = found->second;
    m.has_presence = has_presence;
    // Who cannot say HAVE is asked for the block itself.
    if (is_provider || !has_presence)
        make_useful(m);
    if (is_new && has_presence && !is_provider)
        for (const auto& id : broadcast_) {
            items_.at(id).told.insert(peer);
            emit(session_action::kind::ask_have, id, peer);
        }
    const auto waiting = m.is_useful ? broadcast_ : std::set<cid>{};
    for (const auto& id : waiting)
        move(id, items_.at(id), place::pending);
    while (!stuck_.empty()) {
        const cid id = *stuck_.begin();
        move(id, items_.at(id), place::pending);
    }
    assign(now);
}

void session::peer_gone(steady_time now, const peer_id& peer) {
    if (members_.erase(peer) == 0)
        return;
    for (auto& [id, it] : items_) {
        if (it.from == peer)
            move(id, it, place::pending);
        it.told.erase(peer);
        it.having.erase(peer);
        it.lacking.erase(peer);
        if (it.at == place::broadcast)
            settle_broadcast(id, it);
    }
    assign(now);
}

void session::have(steady_time now, const peer_id& peer, const cid& id) {
    const auto m = members_.find(peer);
    const auto it = items_.find(id);
    if (m == members_.end())
        return;
    make_useful(m->second);
    if (it == items_.end())
        return;
    it->second.having.insert(peer);
    it->second.lacking.erase(peer);
    if (it->second.at == place::broadcast || it->second.at == place::stuck)
        move(id, it->second, place::pending);
    assign(now);
}

void session::dont_have(steady_time now, const peer_id& peer, const cid& id, bool is_silence) {
    const auto m = members_.find(peer);
    if (m == members_.end())
        return;
    if (is_silence)
        m->second.window = std::max(window_min, m->second.window / 2);
    m->second.refusals += is_silence ? options_.refusals_in_a_row / 4 + 1 : 1;
    if (m->second.refusals >= options_.refusals_in_a_row && m->second.has_presence)
        m->second.is_useful = false;
    if (const auto found = items_.find(id); found != items_.end()) {
        auto& it = found->second;
        it.lacking.insert(peer);
        it.having.erase(peer);
        if (is_silence)
            it.told.erase(peer);
        if (it.from == peer)
            move(id, it, place::pending);
        else if (it.at == place::broadcast)
            settle_broadcast(id, it);
    }
    assign(now);
}

bool session::block(steady_time now, std::optional<peer_id> peer, const cid& id) {
    const auto found = items_.find(id);
    if (found == items_.end())
        return false;
    auto& it = found->second;
    if (const auto m = peer ? members_.find(*peer) : members_.end(); m != members_.end()) {
        make_useful(m->second);
        if (it.from == peer)
            measure(m->second, now - it.asked);
        it.told.erase(*peer);
    }
    cancel(id);
    assign(now);
    return true;
}

void session::searched(steady_time now) {
    is_searching_ = false;
    last_search_ = now;
    for (auto& [id, it] : items_)
        it.is_searched = it.is_searched || it.at == place::broadcast || it.at == place::stuck;
    assign(now);
}

void session::tick(steady_time now) {
    assign(now);
}

bool session::may_have(const peer_id& peer, const member& m, const item& it) const {
    if (it.lacking.contains(peer))
        return false;
    // There is no use in asking who has it when there is only one to ask.
    return m.is_useful || members_.size() == 1 || it.having.contains(peer);
}

/// The peer with most room among those that say they have it, else among those that may.
const peer_id* session::choose(const item& it) const {
    const peer_id* best = nullptr;
    std::pair<bool, double> best_rank;
    for (const auto& [peer, m] : members_) {
        const auto window = std::max(m.window, options_.window_start);
        const auto limit = m.window == 0 ? window : m.window;
        if (!may_have(peer, m, it) || m.asked >= limit)
            continue;
        const std::pair rank{it.having.contains(peer),
                             -static_cast<double>(m.asked) / static_cast<double>(limit)};
        if (!best || rank > best_rank) {
            best = &peer;
            best_rank = rank;
        }
    }
    return best;
}

bool session::is_known_somewhere(const item& it) const {
    return std::ranges::any_of(members_,
                               [&](const auto& m) { return may_have(m.first, m.second, it); });
}

void session::ask(steady_time now, const cid& id, item& it, const peer_id& peer) {
    move(id, it, place::asked);
    it.from = peer;
    it.asked = now;
    it.asked_order = ++last_order_;
    asked_.emplace(it.asked_order, id);
    it.told.insert(peer);
    auto& m = members_.at(peer);
    ++m.asked;
    if (m.window == 0)
        m.window = options_.window_start;
    emit(session_action::kind::ask_block, id, peer);
}

void session::assign(steady_time now) {
    now_ = now;
    std::size_t scanned = 0;
    for (auto next = pending_.begin(); next != pending_.end() && scanned < scan_max; ++scanned) {
        const cid id = next->second;
        auto& it = items_.at(id);
        const auto urgency = it.urgency;
        if (!assign_one(now, id, it))
            break;
        next = pending_.upper_bound(urgency);
    }
    steal(now);
    probe(now);
    give_up_hopeless();
    consider_search(now);
}

/// False when it is no use to look at less urgent blocks now.
bool session::assign_one(steady_time now, const cid& id, item& it) {
    if (const auto* peer = choose(it)) {
        ask(now, id, it, *peer);
        return true;
    }
    if (is_known_somewhere(it)) {
        // All who may have it are busy; somebody may be free for another block.
        return std::ranges::any_of(members_, [](const auto& m) {
            return m.second.is_useful && m.second.asked < m.second.window;
        });
    }
    if (broadcast_.size() >= options_.broadcast_max)
        return false;
    broadcast(id, it);
    return true;
}

void session::broadcast(const cid& id, item& it) {
    move(id, it, place::broadcast);
    for (const auto& [peer, m] : members_)
        if (!it.lacking.contains(peer) && it.told.insert(peer).second)
            emit(session_action::kind::ask_have, id, peer);
    settle_broadcast(id, it);
}

/// A block that everybody lacks is stuck.
void session::settle_broadcast(const cid& id, item& it) {
    if (std::ranges::all_of(members_, [&](const auto& m) { return it.lacking.contains(m.first); }))
        move(id, it, place::stuck);
}

/// Asks about the block that will be needed last: that the answer is not too late.
void session::probe(steady_time now) {
    if (members_.size() < 2 || items_.size() < options_.probe_min || !broadcast_.empty() ||
        (pending_.empty() && asked_.empty()))
        return;
    const cid id = pending_.empty() ? asked_.rbegin()->second : pending_.rbegin()->second;
    auto& it = items_.at(id);
    for (auto& [peer, m] : members_) {
        if (m.is_useful || now < m.next_probe || it.lacking.contains(peer))
            continue;
        m.next_probe = now + options_.probe_interval * (1 << std::min(m.probes++, probes_max));
        if (it.told.insert(peer).second)
            emit(session_action::kind::ask_have, id, peer);
    }
}

void session::give_up_hopeless() {
    const auto stuck = stuck_;
    for (const auto& id : stuck)
        if (items_.at(id).is_searched && !is_searching_) {
            cancel(id);
            emit(session_action::kind::give_up, id);
        }
}

std::optional<steady_time> session::search_time() const {
    if (is_searching_ || !idle_since_)
        return std::nullopt;
    const auto wanted = stuck_.empty() ? *idle_since_ + options_.search_delay : *idle_since_;
    const auto interval = stuck_.empty() ? options_.search_interval : options_.search_delay;
    return last_search_ ? std::max(wanted, *last_search_ + interval) : wanted;
}

void session::consider_search(steady_time now) {
    if (stuck_.empty() && broadcast_.empty())
        idle_since_.reset();
    else if (!idle_since_)
        idle_since_ = now;
    const auto at = search_time();
    if (!at || now < *at)
        return;
    is_searching_ = true;
    emit(session_action::kind::search, stuck_.empty() ? *broadcast_.begin() : *stuck_.begin());
}

std::chrono::nanoseconds session::patience(const member& m) const {
    return std::max<std::chrono::nanoseconds>(options_.steal_after_min, m.latency * 3);
}

/// When nothing else is left to ask for, what one peer holds up is asked of another.
void session::steal(steady_time now) {
    if (!pending_.empty())
        return;
    std::size_t looked_at = 0;
    for (auto next = asked_.begin(); next != asked_.end() && looked_at < scan_max; ++looked_at) {
        const cid id = (next++)->second;
        auto& it = items_.at(id);
        auto& slow = members_.at(*it.from);
        if (now - it.asked < patience(slow))
            continue;
        const auto slow_id = *it.from;
        it.lacking.insert(slow_id);
        const auto* other = choose(it);
        it.lacking.erase(slow_id);
        if (!other)
            continue;
        slow.window = std::max(window_min, slow.window / 2);
        it.told.erase(slow_id);
        emit(session_action::kind::cancel, id, slow_id);
        ask(now, id, it, *other);
    }
}

void session::measure(member& m, std::chrono::nanoseconds latency) const {
    if (m.latency_min.count() == 0 || latency < m.latency_min)
        m.latency_min = latency;
    m.latency = m.latency.count() == 0 ? latency : m.latency + (latency - m.latency) / 8;
    if (m.latency < m.latency_min * latency_grow_factor + latency_slack)
        m.window = std::min(m.window + 1, options_.window_max);
    else if (m.latency > m.latency_min * latency_shrink_factor + 4 * latency_slack)
        m.window = std::max(window_min, m.window - 1);
}

std::optional<steady_time> session::deadline() const {
    auto out = search_time();
    if (asked_.empty() || members_.size() < 2 || !pending_.empty())
        return out;
    const auto& oldest = items_.at(asked_.begin()->second);
    // What is overdue already could not be moved: nobody else is free.
    const auto at = std::max(oldest.asked + patience(members_.at(*oldest.from)),
                             now_ + options_.steal_after_min);
    return out ? std::min(*out, at) : at;
}

}  // namespace dm::bitswap
