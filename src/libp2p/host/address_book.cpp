#include "libp2p/host/address_book.hpp"

#include <algorithm>

namespace dm::host {

wall_time address_book::latest(const record& r) {
    wall_time out{};
    for (const auto& e : r.addresses)
        out = std::max(out, e.expires);
    return out;
}

address_book::record& address_book::record_of(const peer_id& peer) {
    if (const auto r = peers_.find(peer); r != peers_.end())
        return r->second;
    if (peers_.size() >= peers_max)
        peers_.erase(std::ranges::min_element(
            peers_, {}, [](const auto& item) { return latest(item.second); }));
    return peers_[peer];
}

void address_book::add(const peer_id& peer, const multiaddr& address, wall_time expires) {
    restore(peer, {address.without_peer(), expires, {}});
}

void address_book::restore(const peer_id& peer, entry e) {
    auto& all = record_of(peer).addresses;
    const auto known = std::ranges::find(all, e.address, &entry::address);
    if (known != all.end()) {
        known->expires = std::max(known->expires, e.expires);
        known->last_success = std::max(known->last_success, e.last_success);
        return;
    }
    if (all.size() >= addresses_of_peer_max)
        all.erase(std::ranges::min_element(
            all, {}, [](const entry& i) { return std::pair{i.last_success, i.expires}; }));
    all.push_back(std::move(e));
}

void address_book::succeeded(const peer_id& peer, const multiaddr& address, wall_time now) {
    const auto r = peers_.find(peer);
    if (r == peers_.end())
        return;
    r->second.failures = 0;
    r->second.retry_at = {};
    for (auto& e : r->second.addresses)
        if (e.address == address)
            e.last_success = now;
}

void address_book::failed(const peer_id& peer, wall_time now) {
    const auto found = peers_.find(peer);
    if (found == peers_.end())
        return;
    auto& r = found->second;
    const auto tries = std::min(++r.failures, 64);
    const auto wait = std::min<std::chrono::seconds>(back_off_min * tries * tries, back_off_max);
    r.retry_at = now + wait;
}

wall_time address_book::retry_at(const peer_id& peer) const {
    const auto r = peers_.find(peer);
    return r == peers_.end() ? wall_time{} : r->second.retry_at;
}

std::vector<multiaddr> address_book::addresses_of(const peer_id& peer, wall_time now) const {
    const auto r = peers_.find(peer);
    if (r == peers_.end())
        return {};
    std::vector<const entry*> valid;
    for (const auto& e : r->second.addresses)
        if (e.expires > now)
            valid.push_back(&e);
    std::ranges::sort(valid, {}, [](const entry* e) {
        return std::pair{-e->last_success.time_since_epoch(), e};  // else in the order of arrival
    });
    std::vector<multiaddr> out;
    for (const auto* e : valid)
        out.push_back(e->address);
    return out;
}

std::vector<std::pair<peer_id, address_book::entry>> address_book::entries(wall_time now) const {
    std::vector<std::pair<peer_id, entry>> out;
    for (const auto& [id, r] : peers_)
        for (const auto& e : r.addresses)
            if (e.expires > now)
                out.emplace_back(id, e);
    return out;
}

void address_book::forget_expired(wall_time now) {
    for (auto& [id, r] : peers_)
        std::erase_if(r.addresses, [&](const entry& e) { return e.expires <= now; });
    std::erase_if(peers_, [&](const auto& item) {
        return item.second.addresses.empty() && item.second.retry_at <= now;
    });
}

}  // namespace dm::host
