#include "content/swarm/uploader.hpp"

#include <algorithm>
#include <tuple>

#include "content/swarm/mix.hpp"

namespace dm::swarm {
namespace {

/// A peer that has waited this long goes before those that ask for rarer leaves.
constexpr std::chrono::seconds patience{4};

/// Words of 64 leaves looked at for one choice.
constexpr std::size_t scan_words_max = 64;
/// Remembered of a blob; the oldest are forgotten.
constexpr std::size_t placements_max = 1024;

}  // namespace

uploader::uploader(holdings& who_has, std::uint64_t seed, uploader_options o)
    : who_has_(who_has), seed_(seed), options_(o) {}

bool uploader::accept(peer_no peer) {
    return peers_[peer].items.size() < asked_leaves_max;
}

void uploader::asked(steady_time now, peer_no peer, leaf_ref leaf) {
    if (!accept(peer) || !who_has_.has_blob(leaf.blob) ||
        !who_has_.mine(leaf.blob).test(leaf.leaf)) {
        events_.push_back(refuse{peer, leaf});
        return;
    }
    auto& p = peers_[peer];
    if (std::ranges::any_of(p.items, [&](const item& i) { return !i.any && i.leaf == leaf; }))
        return;
    p.items.push_back({leaf, false, now});
    ++queued_;
}

void uploader::asked_any(steady_time now, peer_no peer, blob_no blob,
                         std::optional<std::uint32_t> from) {
    if (!accept(peer) || !directs(blob)) {
        events_.push_back(no_more{peer, blob});
        return;
    }
    peers_[peer].items.push_back({{blob, 0}, true, now, from});
    ++queued_;
}

void uploader::cancelled(peer_no peer, leaf_ref leaf) {
    auto& p = peers_[peer];
    const auto gone =
        std::erase_if(p.items, [&](const item& i) { return !i.any && i.leaf == leaf; });
    queued_ -= gone;
    if (gone > 0)
        events_.push_back(refuse{peer, leaf});
}

void uploader::peer_left(peer_no peer) {
    if (const auto it = peers_.find(peer); it != peers_.end()) {
        queued_ -= it->second.items.size();
        peers_.erase(it);
    }
    std::erase_if(active_, [&](const active_send& a) { return a.peer == peer; });
    std::erase_if(events_, [&](const upload_event& e) {
        return std::visit([&](const auto& x) { return x.peer == peer; }, e);
    });
    for (auto& [blob, s] : sources_) {
        for (const auto& g : s.given)
            if (g.peer == peer && who_has_.copies({blob, g.leaf}) == 0)
                s.placed.clear(g.leaf);
        std::erase_if(s.given, [&](const placement& g) { return g.peer == peer; });
    }
}

void uploader::blob_left(peer_no peer, blob_no blob) {
    if (const auto it = peers_.find(peer); it != peers_.end())
        queued_ -=
            std::erase_if(it->second.items, [&](const item& i) { return i.leaf.blob == blob; });
}

void uploader::blob_removed(blob_no blob) {
    sources_.erase(blob);
    for (auto& [no, p] : peers_)
        queued_ -= std::erase_if(p.items, [&](const item& i) { return i.leaf.blob == blob; });
    for (auto it = active_.begin(); it != active_.end();) {
        if (it->leaf.blob != blob) {
            ++it;
            continue;
        }
        if (const auto p = peers_.find(it->peer); p != peers_.end())
            --p->second.active;
        it = active_.erase(it);
    }
    std::erase_if(events_, [&](const upload_event& e) {
        if (const auto* r = std::get_if<refuse>(&e))
            return r->leaf.blob == blob;
        return std::get<no_more>(e).blob == blob;
    });
}

bool uploader::directs(blob_no blob) {
    if (!who_has_.has_blob(blob) || who_has_.own_role(blob) != role::source)
        return false;
    const auto& mine = who_has_.mine(blob);
    auto& s =
        sources_.try_emplace(blob, source_state{leaf_set(mine.size()), {}, false}).first->second;
    if (s.ended)
        return false;
    if (!mine.full())
        return true;
    return !s.placed.full();
}

void uploader::expire(steady_time now, blob_no blob, source_state& s) {
    std::erase_if(s.given, [&](const placement& g) {
        const auto n = who_has_.copies({blob, g.leaf});
        if (n == 0 && now - g.when >= options_.placed_for) {
            s.placed.clear(g.leaf);
            return true;
        }
        return n > 1;
    });
    if (s.given.size() > placements_max)
        s.given.erase(s.given.begin());
}

/// Leaves that were given to the peer alone and that nobody has got from it yet.
std::uint64_t uploader::unspread(blob_no blob, peer_no peer) const {
    const auto it = sources_.find(blob);
    return it == sources_.end() ? 0
                                : static_cast<std::uint64_t>(
                                      std::ranges::count(it->second.given, peer, &placement::peer));
}

/// The leaf to give `peer` for its blank: one that nobody has, else the rarest of those that were
/// not given out from here; from where the peer wants it, else from a place of our own, so that two
/// sources do not give out the same. What peers say they have is no reason to keep a leaf back:
/// they may lie.
std::optional<std::uint32_t> uploader::unplaced(blob_no blob, peer_no peer,
                                                std::optional<std::uint32_t> from) const {
    const auto& s = sources_.at(blob);
    const auto& mine = who_has_.mine(blob);
    const auto* const theirs = who_has_.of_peer(peer, blob);
    const auto words = mine.words();
    const auto start = (from ? *from / 64 : mix(seed_ + 1)) % words;
    std::optional<std::uint32_t> best;
    std::uint32_t best_copies = UINT32_MAX;
    std::size_t useful = 0;
    for (std::size_t i = 0; i < words && best_copies > 0 && useful < scan_words_max; ++i) {
        const auto n = (start + i) % words;
        auto open = mine.word(n) & ~s.placed.word(n) & ~(theirs ? theirs->word(n) : 0);
        useful += open != 0;
        for (; open != 0 && best_copies > 0; open &= open - 1) {
            const auto leaf = static_cast<std::uint32_t>(n * 64) +
                              static_cast<std::uint32_t>(std::countr_zero(open));
            if (const auto c = who_has_.copies({blob, leaf}); c < best_copies) {
                best_copies = c;
                best = leaf;
            }
        }
    }
    return best;
}

void uploader::end_directing(blob_no blob) {
    sources_.at(blob).ended = true;
    for (auto& [no, p] : peers_)
        queued_ -=
            std::erase_if(p.items, [&](const item& i) { return i.any && i.leaf.blob == blob; });
    who_has_.for_each_peer(blob, [&](peer_no n) { events_.push_back(no_more{n, blob}); });
}

std::uint32_t uploader::slots() const {
    const peer_rate::seconds time = options_.slots_time;
    const auto leaves = rate_.bytes_per_second() * time.count() / leaf_bytes;
    return std::clamp(static_cast<std::uint32_t>(std::min(leaves, 1e6)) + 1, options_.slots_min,
                      options_.slots_fast_max);
}

std::uint32_t uploader::slots_taken(steady_time now) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(
        active_, [&](const active_send& a) { return now - a.since < options_.slow_after; }));
}

std::uint64_t uploader::copies(leaf_ref leaf) const {
    auto n = std::uint64_t{who_has_.copies(leaf)};
    for (const auto& a : active_)
        n += a.leaf == leaf;
    return n;
}

std::optional<uploader::choice> uploader::best_of(steady_time now, peer_no peer, peer_state& p) {
    std::optional<choice> best;
    for (std::size_t i = 0; i < p.items.size(); ++i) {
        const auto& it = p.items[i];
        auto leaf = it.leaf;
        std::uint64_t key = 0;
        std::uint64_t held_back = unspread(leaf.blob, peer);
        if (it.any) {
            const auto found = unplaced(leaf.blob, peer, it.from);
            if (!found)
                continue;
            leaf.leaf = *found;
            held_back = unspread(leaf.blob, peer);
        } else {
            const bool first = who_has_.mine(leaf.blob).size() <= 2 || now - it.asked > patience;
            key = first ? 0 : 1 + copies(leaf);
        }
        if (!best || key < best->key)
            best = choice{peer, i, leaf, key, held_back};
    }
    return best;
}

std::optional<send> uploader::next(steady_time now) {
    if (queued_ == 0 || active_.size() >= options_.slots_max || slots_taken(now) >= slots())
        return std::nullopt;
    for (auto& [blob, s] : sources_)
        expire(now, blob, s);
    std::optional<choice> best;
    std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> best_key;
    for (auto& [no, p] : peers_) {
        if (p.items.empty() || p.active > 0)
            continue;
        const auto c = best_of(now, no, p);
        if (!c)
            continue;
        if (const std::tuple key{c->key, c->held_back, p.last_turn}; !best || key < best_key) {
            best = c;
            best_key = key;
        }
    }
    if (!best)
        return std::nullopt;
    auto& p = peers_[best->peer];
    const bool any = p.items[best->item].any;
    p.items.erase(p.items.begin() + static_cast<std::ptrdiff_t>(best->item));
    --queued_;
    p.last_turn = ++turn_;
    ++p.active;
    if (active_.empty())
        rate_.start(now);
    active_.push_back({best->peer, best->leaf, now});
    if (const auto it = sources_.find(best->leaf.blob); it != sources_.end()) {
        auto& s = it->second;
        if (s.placed.set(best->leaf.leaf))
            s.given.push_back({best->peer, best->leaf.leaf, now});
        if (!s.ended && who_has_.mine(best->leaf.blob).full() && s.placed.full())
            end_directing(best->leaf.blob);
    }
    return send{best->peer, best->leaf, any};
}

void uploader::sent(steady_time now, peer_no peer, leaf_ref leaf) {
    const auto it = std::ranges::find_if(
        active_, [&](const active_send& a) { return a.peer == peer && a.leaf == leaf; });
    if (it == active_.end())
        return;
    active_.erase(it);
    --peers_[peer].active;
    if (who_has_.has_blob(leaf.blob))
        rate_.add(now, who_has_.leaf_size(leaf));
}

steady_time uploader::deadline(steady_time now) const noexcept {
    auto out = steady_time::max();
    if (queued_ > 0)
        for (const auto& a : active_)
            if (const auto slow = a.since + options_.slow_after; slow > now)
                out = std::min(out, slow);
    return out;
}

std::optional<upload_event> uploader::poll() {
    if (events_.empty())
        return std::nullopt;
    auto out = events_.front();
    events_.pop_front();
    return out;
}

}  // namespace dm::swarm
