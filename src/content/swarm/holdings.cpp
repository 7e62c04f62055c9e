#include "content/swarm/holdings.hpp"

#include <algorithm>
#include <cassert>

namespace dm::swarm {
namespace {

template <class T>
std::uint32_t free_place(std::vector<T>& in) {
    const auto it = std::ranges::find_if(in, [](const T& t) { return !t.used; });
    if (it != in.end())
        return static_cast<std::uint32_t>(it - in.begin());
    in.emplace_back();
    return static_cast<std::uint32_t>(in.size() - 1);
}

}  // namespace

blob_no holdings::add_blob(std::uint64_t size, leaf_set mine, role own) {
    const auto leaves = leaf_count(size);
    assert(mine.size() == leaves && blob_count_ < blobs_max);
    const auto no = free_place(blobs_);
    blobs_[no] = {true, size, own, std::move(mine), std::vector<std::uint16_t>(leaves)};
    ++blob_count_;
    return no;
}

void holdings::remove_blob(blob_no blob) {
    assert(has_blob(blob));
    for (auto& p : peers_)
        p.shares.erase(blob);
    blobs_[blob] = {};
    --blob_count_;
}

peer_no holdings::add_peer() {
    assert(peer_count_ < peers_max);
    const auto no = free_place(peers_);
    peers_[no].used = true;
    ++peer_count_;
    return no;
}

void holdings::remove_peer(peer_no peer) {
    assert(has_peer(peer));
    for (const auto& [blob, share] : peers_[peer].shares)
        count(blob, share, -1);
    peers_[peer] = {};
    --peer_count_;
}

void holdings::count(blob_no blob, const share& s, int by) {
    if (s.as == role::source)
        return;
    for (std::size_t n = 0; n < s.set.words(); ++n)
        for_each_leaf(s.set.word(n), n, [&](std::uint32_t leaf) {
            auto& c = blobs_[blob].copies[leaf];
            c = static_cast<std::uint16_t>(c + by);
        });
}

bool holdings::gained(leaf_ref leaf) {
    return blobs_[leaf.blob].mine.set(leaf.leaf);
}

void holdings::lost(leaf_ref leaf) {
    blobs_[leaf.blob].mine.clear(leaf.leaf);
}

void holdings::peer_has(peer_no peer, blob_no blob, leaf_set set, role as) {
    assert(has_peer(peer) && has_blob(blob) && set.size() == blobs_[blob].mine.size());
    peer_left(peer, blob);
    const auto it = peers_[peer].shares.emplace(blob, share{std::move(set), as}).first;
    count(blob, it->second, +1);
}

bool holdings::peer_gained(peer_no peer, leaf_ref leaf) {
    const auto it = peers_[peer].shares.find(leaf.blob);
    if (it == peers_[peer].shares.end() || leaf.leaf >= it->second.set.size() ||
        !it->second.set.set(leaf.leaf))
        return false;
    if (it->second.as == role::partner)
        ++blobs_[leaf.blob].copies[leaf.leaf];
    return true;
}

void holdings::peer_lost(peer_no peer, leaf_ref leaf) {
    const auto it = peers_[peer].shares.find(leaf.blob);
    if (it == peers_[peer].shares.end() || leaf.leaf >= it->second.set.size() ||
        !it->second.set.clear(leaf.leaf))
        return;
    if (it->second.as == role::partner)
        --blobs_[leaf.blob].copies[leaf.leaf];
}

void holdings::peer_left(peer_no peer, blob_no blob) {
    const auto it = peers_[peer].shares.find(blob);
    if (it == peers_[peer].shares.end())
        return;
    count(blob, it->second, -1);
    peers_[peer].shares.erase(it);
}

std::uint32_t holdings::leaf_size(leaf_ref leaf) const noexcept {
    const auto at = std::uint64_t{leaf.leaf} * leaf_bytes;
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(leaf_bytes, blobs_[leaf.blob].size - at));
}

const leaf_set* holdings::of_peer(peer_no peer, blob_no blob) const noexcept {
    const auto it = peers_[peer].shares.find(blob);
    return it == peers_[peer].shares.end() ? nullptr : &it->second.set;
}

bool holdings::peer_has_leaf(peer_no peer, leaf_ref leaf) const noexcept {
    const auto* const set = of_peer(peer, leaf.blob);
    return set && set->test(leaf.leaf);
}

role holdings::peer_role(peer_no peer, blob_no blob) const noexcept {
    const auto it = peers_[peer].shares.find(blob);
    return it == peers_[peer].shares.end() ? role::partner : it->second.as;
}

void holdings::for_each_peer(blob_no blob, const std::function<void(peer_no)>& f) const {
    for (peer_no p = 0; p < peers_.size(); ++p)
        if (peers_[p].used && peers_[p].shares.contains(blob))
            f(p);
}

void holdings::for_each_blob(const std::function<void(blob_no)>& f) const {
    for (blob_no b = 0; b < blobs_.size(); ++b)
        if (blobs_[b].used)
            f(b);
}

}  // namespace dm::swarm
