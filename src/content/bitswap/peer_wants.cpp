#include "content/bitswap/peer_wants.hpp"

#include <algorithm>

namespace dm::bitswap {

void peer_wants::ask(steady_time now, const cid& id, want_type type, std::int32_t priority) {
    const auto [it, is_new] = wants_.try_emplace(id);
    auto& e = it->second;
    const bool is_upgrade = !is_new && e.type == want_type::have && type == want_type::block;
    const bool is_awake = !is_new && e.waiting;
    if (is_awake && !is_upgrade)
        return;
    if (is_new || type == want_type::block)
        e.type = type;
    e.priority = priority;
    e.asked = now;
    if (e.waiting)
        waiting_.erase(*e.waiting);
    e.waiting = ++last_order_;
    waiting_.emplace(*e.waiting, id);
    e.is_told = false;
    note(id, false);
}

void peer_wants::note(const cid& id, bool cancel) {
    if (changes_.size() >= options_.changes_max)
        resend_all();
    else
        changes_.push_back({id, cancel});
}

void peer_wants::cancel(const cid& id) {
    const auto it = wants_.find(id);
    if (it == wants_.end())
        return;
    if (it->second.waiting)
        waiting_.erase(*it->second.waiting);
    wants_.erase(it);
    forget(id);
    note(id, true);
}

/// Remembers that the block may come though it is wanted no more.
void peer_wants::forget(const cid& id) {
    if (const auto it = remembered_index_.find(id); it != remembered_index_.end()) {
        remembered_.splice(remembered_.end(), remembered_, it->second);
        return;
    }
    if (remembered_.size() >= options_.remembered_max) {
        remembered_index_.erase(remembered_.front());
        remembered_.pop_front();
    }
    remembered_.push_back(id);
    remembered_index_.emplace(id, std::prev(remembered_.end()));
}

void peer_wants::answered(steady_time now, entry& e) {
    alive_ = now;
    bytes_since_alive_ = 0;
    if (!e.waiting)
        return;
    waiting_.erase(*e.waiting);
    e.waiting.reset();
    const std::chrono::nanoseconds sample = now - e.asked;
    latency_ = latency_ ? *latency_ + (sample - *latency_) / 8 : sample;
}

peer_wants::arrival peer_wants::block(steady_time now, const cid& id) {
    const auto it = wants_.find(id);
    if (it == wants_.end())
        return remembered_index_.contains(id) ? arrival::late : arrival::unasked;
    answered(now, it->second);
    wants_.erase(it);
    forget(id);
    return arrival::wanted;
}

bool peer_wants::presence(steady_time now, const cid& id, bool have) {
    const auto it = wants_.find(id);
    if (it == wants_.end())
        return false;
    const bool is_block = it->second.type == want_type::block;
    // HAVE to a want for the block: it answers the want-have before the upgrade.
    if (have && is_block)
        return true;
    answered(now, it->second);
    if (have) {
        wants_.erase(it);
        forget(id);
    }
    return true;
}

void peer_wants::received(steady_time now, std::size_t bytes) {
    bytes_since_alive_ += bytes;
    if (bytes_since_alive_ < options_.sign_of_life_bytes)
        return;
    bytes_since_alive_ = 0;
    alive_ = now;
}

std::chrono::nanoseconds peer_wants::silence_limit() const {
    if (!latency_)
        return options_.silence_unknown;
    return std::clamp<std::chrono::nanoseconds>(*latency_ * 8, options_.silence_min,
                                                options_.silence_max);
}

std::optional<steady_time> peer_wants::deadline() const {
    if (waiting_.empty())
        return std::nullopt;
    const auto& oldest = wants_.at(waiting_.begin()->second);
    return std::min(std::max(oldest.asked, alive_) + silence_limit(),
                    oldest.asked + options_.age_max);
}

std::optional<cid> peer_wants::expired(steady_time now) {
    const auto at = deadline();
    if (!at || now < *at)
        return std::nullopt;
    auto id = waiting_.begin()->second;
    cancel(id);
    return id;
}

peer_wants::changes peer_wants::take_changes(std::size_t bytes_max) {
    changes out{.wants = {}, .full = std::exchange(is_full_, false)};
    std::size_t bytes = 0;
    while (!changes_.empty() && bytes < bytes_max) {
        const auto c = std::move(changes_.front());
        changes_.pop_front();
        const auto it = wants_.find(c.id);
        want w{.id = c.id};
        if (it != wants_.end()) {
            // Asked for again after the cancel, or told already.
            if (c.cancel || it->second.is_told)
                continue;
            it->second.is_told = true;
            w.priority = it->second.priority;
            w.type = it->second.type;
            w.send_dont_have = true;
        } else if (c.cancel) {
            w.cancel = true;
        } else {
            continue;
        }
        bytes += encoded_size(w);
        out.wants.push_back(std::move(w));
    }
    return out;
}

void peer_wants::resend_all() {
    is_full_ = true;
    changes_.clear();
    for (auto& [id, e] : wants_) {
        e.is_told = false;
        changes_.push_back({id, false});
    }
}

}  // namespace dm::bitswap
