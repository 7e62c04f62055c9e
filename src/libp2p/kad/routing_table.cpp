#include "libp2p/kad/routing_table.hpp"

#include <algorithm>

namespace dm::kad {
namespace {

constexpr std::size_t key_bits = 256;

/// A peer id that nobody has, whose key shares exactly `bits` leading bits with `self`.
peer_id random_peer(const key& self, std::size_t bits, rng& random) {
    for (;;) {
        std::array<std::byte, 32> digest;
        for (auto& b : digest)
            b = static_cast<std::byte>(random() & 0xff);
        const multiformats::multihash hash(multiformats::hash_code::sha2_256, digest);
        const auto id = *peer_id::from_bytes(hash.to_bytes());
        if (common_prefix_bits(key_of(id), self) == bits)
            return id;
    }
}

}  // namespace

routing_table::routing_table(key self, std::chrono::minutes stale_after)
    : self_(self), stale_after_(stale_after), buckets_(key_bits) {}

std::vector<contact>& routing_table::bucket_of(const key& k) {
    return buckets_[std::min(common_prefix_bits(self_, k), key_bits - 1)];
}

bool routing_table::answered(steady_time now, const peer_id& id) {
    const auto k = key_of(id);
    if (k == self_)
        return false;
    auto& bucket = bucket_of(k);
    if (const auto known = std::ranges::find(bucket, id, &contact::id); known != bucket.end()) {
        known->useful = now;
        return true;
    }
    if (bucket.size() >= bucket_peers_max) {
        const auto oldest = std::ranges::min_element(bucket, {}, &contact::useful);
        if (now - oldest->useful < stale_after_)
            return false;
        bucket.erase(oldest);
    }
    bucket.push_back({id, k, now, now});
    return true;
}

void routing_table::failed(const peer_id& id) {
    std::erase_if(bucket_of(key_of(id)), [&](const contact& c) { return c.id == id; });
}

bool routing_table::contains(const peer_id& id) const {
    const auto& bucket = buckets_[std::min(common_prefix_bits(self_, key_of(id)), key_bits - 1)];
    return std::ranges::find(bucket, id, &contact::id) != bucket.end();
}

std::size_t routing_table::size() const noexcept {
    std::size_t sum = 0;
    for (const auto& bucket : buckets_)
        sum += bucket.size();
    return sum;
}

std::vector<contact> routing_table::contacts() const {
    std::vector<contact> out;
    for (const auto& bucket : buckets_)
        out.insert(out.end(), bucket.begin(), bucket.end());
    return out;
}

std::vector<peer_id> routing_table::closest(const key& to, std::size_t count) const {
    auto all = contacts();
    const auto by_distance = [&](const contact& c) { return distance(c.key, to); };
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()));
    std::ranges::partial_sort(all, middle, {}, by_distance);
    std::vector<peer_id> out;
    for (auto it = all.begin(); it != middle; ++it)
        out.push_back(it->id);
    return out;
}

std::vector<peer_id> routing_table::unheard_since(steady_time t) const {
    auto all = contacts();
    std::erase_if(all, [&](const contact& c) { return c.useful >= t; });
    std::ranges::sort(all, {}, &contact::useful);
    std::vector<peer_id> out;
    for (const auto& c : all)
        out.push_back(c.id);
    return out;
}

std::vector<peer_id> routing_table::refresh_targets(rng& random) const {
    std::size_t deepest = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i)
        if (!buckets_[i].empty())
            deepest = i + 1;
    std::vector<peer_id> out;
    for (std::size_t i = 0; i <= std::min(deepest, refreshed_buckets_max - 1); ++i)
        out.push_back(random_peer(self_, i, random));
    return out;
}

}  // namespace dm::kad
