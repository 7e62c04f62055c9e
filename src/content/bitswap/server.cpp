#include "content/bitswap/server.hpp"

#include <algorithm>
#include <cassert>

namespace dm::bitswap {
namespace {

/// What a block costs beside its bytes when turns are counted.
constexpr std::size_t block_overhead_bytes = 128;
constexpr std::size_t presences_per_message_max = 2048;

}  // namespace

server::client& server::client_of(const peer_id& peer) {
    const auto [it, is_new] = clients_.try_emplace(peer);
    if (is_new)
        it->second.connection = ++connections_;
    return it->second;
}

server::client* server::find(const job& j) {
    const auto it = clients_.find(j.peer);
    return it != clients_.end() && it->second.connection == j.connection ? &it->second : nullptr;
}

std::vector<cid> server::receive(const peer_id& peer, const std::vector<want>& wants, bool full) {
    auto& c = client_of(peer);
    if (full)
        while (!c.wants.empty())
            erase(c, peer, c.wants.begin());
    std::vector<cid> unknown;
    for (const auto& w : wants) {
        if (!w.cancel) {
            if (take_want(c, peer, w))
                unknown.push_back(w.id);
        } else if (const auto it = c.wants.find(w.id); it != c.wants.end()) {
            erase(c, peer, it);
        }
    }
    return unknown;
}

/// Whether the want is to be looked up.
bool server::take_want(client& c, const peer_id& peer, const want& w) {
    auto it = c.wants.find(w.id);
    if (it == c.wants.end()) {
        if (!make_room(c, peer, w)) {
            if (w.send_dont_have)
                answer(c, w.id, false);
            return false;
        }
        c.wants.emplace(w.id, entry{.priority = w.priority,
                                    .type = w.type,
                                    .send_dont_have = w.send_dont_have,
                                    .order = ++order_});
        return true;
    }
    auto& e = it->second;
    const bool queued = e.at == place::queued;
    if (queued)
        dequeue(c, e);
    e.priority = w.priority;
    e.send_dont_have = w.send_dont_have;
    if (w.type == want_type::block)
        e.type = want_type::block;
    if (queued)
        enqueue(c, it->first, e, e.size);
    // An absent block is looked for again: its first answer may have been lost.
    if (e.at == place::absent) {
        stop_waiting(c, peer, it->first, e);
        e.at = place::looking;
        return true;
    }
    return false;
}

/// Wants for absent blocks give way first, then those of low priority.
bool server::make_room(client& c, const peer_id& peer, const want& w) {
    if (c.wants.size() < options_.wants_per_peer_max)
        return true;
    if (!c.absent.empty()) {
        erase(c, peer, c.wants.find(c.absent.begin()->second));
        return true;
    }
    if (c.queue.empty())
        return false;
    const auto last = c.wants.find(std::prev(c.queue.end())->second);
    assert(last != c.wants.end());
    if (last->second.priority >= w.priority)
        return false;
    if (last->second.send_dont_have)
        answer(c, last->first, false);
    erase(c, peer, last);
    return true;
}

void server::looked_up(const peer_id& peer, const cid& id, std::optional<std::size_t> size) {
    const auto found = clients_.find(peer);
    if (found == clients_.end())
        return;
    auto& c = found->second;
    const auto it = c.wants.find(id);
    if (it == c.wants.end() || it->second.at != place::looking)
        return;
    auto& e = it->second;
    if (!size) {
        wait_for(c, peer, it->first, e);
        if (e.send_dont_have)
            answer(c, id, false);
    } else {
        enqueue(c, it->first, e, *size);
    }
}

void server::arrived(const cid& id, std::size_t size) {
    const auto waiting = waiting_.find(id);
    if (waiting == waiting_.end())
        return;
    for (const auto& peer : std::exchange(waiting->second, {})) {
        auto& c = clients_.at(peer);
        const auto it = c.wants.find(id);
        assert(it != c.wants.end() && it->second.at == place::absent);
        c.absent.erase(it->second.order);
        enqueue(c, it->first, it->second, size);
    }
    waiting_.erase(id);
}

std::vector<cid> server::waited_for() const {
    std::vector<cid> out;
    out.reserve(waiting_.size());
    for (const auto& [id, peers] : waiting_)
        out.push_back(id);
    return out;
}

void server::peer_gone(const peer_id& peer) {
    const auto found = clients_.find(peer);
    if (found == clients_.end())
        return;
    auto& c = found->second;
    while (!c.wants.empty())
        erase(c, peer, c.wants.begin());
    in_flight_ -= c.in_flight;
    if (!c.is_proven)
        unproven_in_flight_ -= c.in_flight;
    clients_.erase(found);
}

void server::enqueue(client& c, const cid& id, entry& e, std::size_t size) {
    if (c.queue.empty() && c.jobs == 0)
        c.turn = std::max(c.turn, turn_);
    e.at = place::queued;
    e.size = size;
    c.queue.emplace(rank_of(e), id);
    c.queued_bytes += size;
}

void server::dequeue(client& c, entry& e) {
    c.queue.erase(rank_of(e));
    c.queued_bytes -= e.size;
}

void server::erase(client& c, const peer_id& peer, std::unordered_map<cid, entry>::iterator it) {
    if (it->second.at == place::queued)
        dequeue(c, it->second);
    else if (it->second.at == place::absent)
        stop_waiting(c, peer, it->first, it->second);
    c.wants.erase(it);
}

void server::wait_for(client& c, const peer_id& peer, const cid& id, entry& e) {
    e.at = place::absent;
    c.absent.emplace(e.order, id);
    waiting_[id].push_back(peer);
}

void server::stop_waiting(client& c, const peer_id& peer, const cid& id, const entry& e) {
    c.absent.erase(e.order);
    const auto waiting = waiting_.find(id);
    assert(waiting != waiting_.end());
    std::erase(waiting->second, peer);
    if (waiting->second.empty())
        waiting_.erase(waiting);
}

void server::answer(client& c, const cid& id, bool have) {
    if (c.presences.size() < options_.presences_per_peer_max)
        c.presences.push_back({id, have});
}

bool server::may_send(const client& c) const {
    if (c.jobs >= options_.jobs_per_peer_max || c.not_before)
        return false;
    if (!c.presences.empty() && c.jobs == 0)
        return true;
    if (c.queue.empty())
        return false;
    // Who has not shown yet that it reads gets one message, and all of these half of the memory.
    if (!c.is_proven && (c.jobs > 0 || unproven_in_flight_ >= options_.bytes_in_flight_max / 2))
        return false;
    return in_flight_ < options_.bytes_in_flight_max;
}

std::optional<job> server::next(steady_time now) {
    auto best = clients_.end();
    for (auto it = clients_.begin(); it != clients_.end(); ++it) {
        if (it->second.not_before && now >= *it->second.not_before)
            it->second.not_before.reset();
        if (may_send(it->second) && (best == clients_.end() || it->second.turn < best->second.turn))
            best = it;
    }
    if (best == clients_.end())
        return std::nullopt;
    return make_job(best->first, best->second);
}

job server::make_job(const peer_id& peer, client& c) {
    job j{.peer = peer, .connection = c.connection};
    turn_ = std::max(turn_, c.turn);
    const bool has_budget = in_flight_ < options_.bytes_in_flight_max &&
                            (c.is_proven || unproven_in_flight_ < options_.bytes_in_flight_max / 2);
    while (has_budget && !c.queue.empty() && j.bytes < options_.message_bytes_target) {
        const auto it = c.wants.find(c.queue.begin()->second);
        assert(it != c.wants.end());
        const auto& e = it->second;
        if (e.type == want_type::have && e.size > options_.have_replace_bytes) {
            // The peer may still want the block itself: that is another want.
            j.presences.push_back({it->first, true});
        } else {
            if (!j.blocks.empty() && j.bytes + e.size > message_bytes_max / 2)
                break;
            j.blocks.push_back({it->first, e.send_dont_have});
            j.bytes += e.size;
            c.turn += e.size + block_overhead_bytes;
        }
        erase(c, peer, it);
        if (j.presences.size() >= presences_per_message_max)
            break;
    }
    while (!c.presences.empty() && j.presences.size() < presences_per_message_max) {
        j.presences.push_back(std::move(c.presences.front()));
        c.presences.pop_front();
    }
    ++c.jobs;
    c.in_flight += j.bytes;
    in_flight_ += j.bytes;
    if (!c.is_proven)
        unproven_in_flight_ += j.bytes;
    j.pending_bytes = c.queued_bytes;
    return j;
}

void server::vanished(const job& j, const job::item& block) {
    if (auto* c = find(j); c && block.send_dont_have)
        answer(*c, block.id, false);
}

void server::finished(steady_time now, const job& j, bool delivered) {
    auto* found = find(j);
    if (!found)
        return;
    auto& c = *found;
    --c.jobs;
    c.in_flight -= j.bytes;
    in_flight_ -= j.bytes;
    if (!c.is_proven)
        unproven_in_flight_ -= j.bytes;
    const bool was_proven = std::exchange(c.is_proven, delivered);
    if (was_proven && !c.is_proven)
        unproven_in_flight_ += c.in_flight;
    else if (!was_proven && c.is_proven)
        unproven_in_flight_ -= c.in_flight;
    if (delivered) {
        c.failures = 0;
        c.total.sent_bytes += j.bytes;
        c.total.sent_blocks += j.blocks.size();
        return;
    }
    const auto wait = std::min<std::chrono::milliseconds>(
        options_.backoff_max, options_.backoff_min * (1 << std::min(c.failures, 16u)));
    ++c.failures;
    c.not_before = now + wait;
}

std::optional<steady_time> server::deadline() const {
    std::optional<steady_time> out;
    for (const auto& [peer, c] : clients_)
        if (c.not_before && (!c.queue.empty() || !c.presences.empty()) &&
            (!out || *c.not_before < *out))
            out = c.not_before;
    return out;
}

exchanged server::ledger(const peer_id& peer) const {
    const auto found = clients_.find(peer);
    if (found == clients_.end())
        return {};
    auto out = found->second.total;
    out.wants = found->second.wants.size();
    return out;
}

}  // namespace dm::bitswap
