#include "content/swarm/scheduler.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

#include "content/swarm/mix.hpp"

namespace dm::swarm {
namespace {

constexpr std::chrono::milliseconds tick_interval{50};
constexpr std::chrono::milliseconds steal_interval{20};
/// Of a trickle, fewer bytes are no sign of life.
constexpr std::uint64_t progress_bytes_min = 16384;
/// A leaf is moved to a peer that would have it in this fraction of the time.
constexpr double steal_gain = 0.6;
/// A peer that was told to let go of a leaf does so, or sends it, within this time.
constexpr std::chrono::milliseconds cancel_answer_max{1'000};
/// A peer is not stalled before it has missed this many leaves at its usual rate.
constexpr double stall_leaves = 8;
constexpr std::size_t repeated_max = 3;
/// One that has begun to come is asked of a second peer after this many times what that one needs.
constexpr double begun_factor = 3;
/// Others are preferred to a source, as if it had this many leaves more to send.
constexpr double source_load = 3;
/// Leaves looked at for one choice; of a larger blob a part that starts at random.
constexpr std::size_t scan_words_max = 64;

}  // namespace

scheduler::scheduler(holdings& who_has, std::uint64_t seed, scheduler_options o)
    : who_has_(who_has), seed_(seed), options_(o) {}

void scheduler::want(steady_time now, blob_no blob) {
    if (blobs_.size() <= blob)
        blobs_.resize(blob + 1);
    assert(!blobs_[blob].wanted);
    blobs_[blob] = {true, leaf_set(who_has_.mine(blob).size()), 0, 0, std::nullopt};
    wanted_.push_back(blob);
    if (next_tick_ == steady_time::max())
        next_tick_ = now + tick_interval;
    revive_all();
    fill(now);
}

void scheduler::unwant(steady_time now, blob_no blob) {
    if (!wanted(blob))
        return;
    for (peer_no n = 0; n < peers_.size(); ++n) {
        auto& p = peers_[n];
        for (auto& r : p.requests)
            if (r.leaf.blob == blob && !r.cancelling)
                actions_.push_back(cancel{n, r.leaf});
        const auto gone =
            std::erase_if(p.requests, [&](const request& r) { return r.leaf.blob == blob; }) +
            std::erase_if(p.blanks, [&](const blank& b) { return b.blob == blob; });
        outstanding_ -= gone;
    }
    blobs_[blob] = {};
    std::erase(wanted_, blob);
    if (wanted_.empty())
        next_tick_ = steady_time::max();
    fill(now);
}

void scheduler::read_from(steady_time now, blob_no blob, std::optional<std::uint32_t> first) {
    if (!wanted(blob) || blobs_[blob].reading == first)
        return;
    blobs_[blob].reading = first;
    revive_all();
    fill(now);
}

void scheduler::peer_joined(steady_time now, peer_no peer) {
    if (peers_.size() <= peer)
        peers_.resize(peer + 1);
    peers_[peer] = {};
    peers_[peer].used = true;
    peers_[peer].last_data = now;
    fill(now);
}

void scheduler::peer_left(steady_time now, peer_no peer) {
    if (peer >= peers_.size() || !peers_[peer].used)
        return;
    auto& p = peers_[peer];
    while (!p.requests.empty())
        forget(peer, p.requests.begin(), true);
    for (const auto& b : p.blanks)
        --blobs_[b.blob].blanks;
    outstanding_ -= p.blanks.size();
    p = {};
    fill(now);
}

void scheduler::peer_gained(steady_time now, peer_no peer) {
    peers_[peer].exhausted = false;
    if (!wanted_.empty())
        fill(now);
}

void scheduler::blob_left(steady_time now, peer_no peer, blob_no blob) {
    auto& p = peers_[peer];
    for (auto it = p.requests.begin(); it != p.requests.end();) {
        if (it->leaf.blob != blob) {
            ++it;
            continue;
        }
        const auto at = it - p.requests.begin();
        forget(peer, it, true);
        it = p.requests.begin() + at;
    }
    directs(now, peer, blob, false);
}

void scheduler::directs(steady_time now, peer_no peer, blob_no blob, bool yes) {
    auto& p = peers_[peer];
    std::erase(p.directs, blob);
    if (yes) {
        p.directs.push_back(blob);
        p.source = true;
    } else {
        const auto gone = std::erase_if(p.blanks, [&](const blank& b) { return b.blob == blob; });
        outstanding_ -= gone;
        if (wanted(blob))
            blobs_[blob].blanks -= static_cast<std::uint32_t>(gone);
        if (gone > 0)
            revive_all();
    }
    p.exhausted = false;
    fill(now);
}

void scheduler::progress(steady_time now, peer_no peer, leaf_ref leaf, std::size_t bytes) {
    auto& p = peers_[peer];
    p.rate.add(now, bytes);
    total_rate_.add(now, bytes);
    p.bytes_since += bytes;
    if (p.bytes_since >= progress_bytes_min) {
        p.bytes_since = 0;
        p.last_data = now;
    }
    if (const auto it = find(p, leaf); it != p.requests.end() && !it->begun) {
        it->begun = true;
        p.rate.answered_after(now - it->asked);
        latency_max_ = std::max<peer_rate::seconds>(latency_max_, p.rate.delay());
    }
}

void scheduler::chosen(steady_time now, peer_no peer, leaf_ref leaf) {
    auto& p = peers_[peer];
    const auto it = std::ranges::find(p.blanks, leaf.blob, &blank::blob);
    if (it == p.blanks.end() || !wanted(leaf.blob))
        return;
    p.rate.answered_after(now - it->asked);
    p.blanks.erase(it);
    --outstanding_;
    --blobs_[leaf.blob].blanks;
    if (who_has_.mine(leaf.blob).test(leaf.leaf)) {
        actions_.push_back(cancel{peer, leaf});
        fill(now);
        return;
    }
    cancel_elsewhere(now, leaf, peer);
    put(now, peer, leaf, true);
}

void scheduler::received(steady_time now, peer_no peer, leaf_ref leaf) {
    auto& p = peers_[peer];
    p.proven = true;
    p.stalled = false;
    p.last_data = now;
    if (const auto it = find(p, leaf); it != p.requests.end())
        forget(peer, it, false);
    if (p.requests.empty() && p.blanks.empty())
        p.rate.start(now);
    if (wanted(leaf.blob))
        blobs_[leaf.blob].pending.clear(leaf.leaf);
    cancel_elsewhere(now, leaf, peer);
    fill(now);
    steal(now);
}

void scheduler::received_wrong(steady_time now, peer_no peer, leaf_ref) {
    give_up(peer, "sent a wrong block");
    fill(now);
}

void scheduler::refused(steady_time now, peer_no peer, leaf_ref leaf) {
    auto& p = peers_[peer];
    if (const auto it = find(p, leaf); it != p.requests.end()) {
        if (!it->cancelling)
            who_has_.peer_lost(peer, leaf);
        forget(peer, it, true);
    }
    fill(now);
    steal(now);
}

std::optional<action> scheduler::poll() {
    if (actions_.empty())
        return std::nullopt;
    auto out = actions_.front();
    actions_.pop_front();
    return out;
}

void scheduler::tick(steady_time now) {
    if (wanted_.empty())
        return;
    next_tick_ = now + tick_interval;
    for (peer_no n = 0; n < peers_.size(); ++n)
        if (peers_[n].used)
            check_stalled(now, n);
    fill(now);
    steal(now);
}

scheduler::requests::iterator scheduler::find(peer_state& p, leaf_ref leaf) {
    return std::ranges::find(p.requests, leaf, &request::leaf);
}

bool scheduler::is_small(blob_no blob) const {
    return who_has_.mine(blob).size() <= options_.small_blob_leaves;
}

bool scheduler::directs(const peer_state& p, blob_no blob) const {
    return std::ranges::find(p.directs, blob) != p.directs.end();
}

bool scheduler::needed(leaf_ref leaf) const {
    return !who_has_.mine(leaf.blob).test(leaf.leaf) && !blobs_[leaf.blob].pending.test(leaf.leaf);
}

std::uint32_t scheduler::unasked(blob_no blob) const {
    const auto& mine = who_has_.mine(blob);
    const auto asked = mine.count() + blobs_[blob].pending.count() + blobs_[blob].blanks;
    return mine.size() - std::min(mine.size(), asked);
}

std::size_t scheduler::window(const peer_state& p) const {
    if (!p.proven)
        return p.stalled ? 0 : 1;
    if (p.stalled)
        return 1;
    const peer_rate::seconds lead = p.rate.delay() + options_.peer_lead;
    const auto leaves = p.rate.bytes_per_second() * lead.count() / leaf_bytes;
    return std::clamp<std::size_t>(static_cast<std::size_t>(leaves) + 1, options_.peer_leaves_min,
                                   options_.peer_leaves_max);
}

std::size_t scheduler::budget() const {
    const peer_rate::seconds lead = latency_max_ + options_.total_lead;
    const auto leaves = total_rate_.bytes_per_second() * lead.count() / leaf_bytes;
    return std::clamp<std::size_t>(static_cast<std::size_t>(leaves) + 1, options_.total_leaves_min,
                                   options_.total_leaves_max);
}

bool scheduler::has_room(const peer_state& p) const {
    return p.requests.size() + p.blanks.size() < window(p);
}

void scheduler::fill(steady_time now) {
    if (wanted_.empty())
        return;
    for (;;) {
        peer_no best = 0;
        double best_load = std::numeric_limits<double>::infinity();
        for (peer_no n = 0; n < peers_.size(); ++n) {
            const auto& p = peers_[n];
            if (!p.used || p.exhausted || !has_room(p))
                continue;
            if (outstanding_ >= budget() && p.directs.empty())
                continue;
            const auto tie = static_cast<double>(mix(seed_ ^ (turns_ << 16) ^ n) >> 40) * 0x1p-24;
            const auto load = static_cast<double>(p.requests.size() + p.blanks.size()) + 0.5 * tie +
                              (p.stalled ? 100.0 : 0.0) + (p.source ? source_load : 0.0);
            if (load < best_load) {
                best_load = load;
                best = n;
            }
        }
        if (best_load == std::numeric_limits<double>::infinity())
            return;
        ++turns_;
        if (!ask_from(now, best))
            peers_[best].exhausted = true;
    }
}

bool scheduler::ask_from(steady_time now, peer_no peer) {
    auto leaf = urgent(peer);
    if (!leaf)
        leaf = rarest(peer, true);
    if (!leaf && ask_blank(now, peer))
        return true;
    if (!leaf && outstanding_ < budget())
        leaf = rarest(peer, false);
    if (!leaf)
        return false;
    actions_.push_back(ask{peer, *leaf});
    put(now, peer, *leaf, false);
    return true;
}

/// From its one source a blob is taken in order, as far as the source agrees: then leaf and blob
/// are hashed in one pass. Of several each gives out what it chooses, or they would all give the
/// same.
std::optional<std::uint32_t> scheduler::in_order_from(blob_no blob) {
    if (std::ranges::count_if(peers_, [&](const peer_state& p) { return directs(p, blob); }) > 1)
        return std::nullopt;
    const auto& mine = who_has_.mine(blob);
    auto& n = blobs_[blob].full_words;
    while (n < mine.words() && ~mine.word(n) == 0)
        ++n;
    return n == mine.words() ? 0
                             : static_cast<std::uint32_t>(n * 64) +
                                   static_cast<std::uint32_t>(std::countr_one(mine.word(n)));
}

bool scheduler::ask_blank(steady_time now, peer_no peer) {
    auto& p = peers_[peer];
    for (const auto blob : wanted_) {
        if (is_small(blob) || !directs(p, blob) || unasked(blob) == 0)
            continue;
        if (p.requests.empty() && p.blanks.empty()) {
            p.rate.start(now);
            p.last_data = now;
        }
        p.blanks.push_back({blob, now});
        ++blobs_[blob].blanks;
        ++outstanding_;
        actions_.push_back(ask_any{peer, blob, in_order_from(blob)});
        return true;
    }
    return false;
}

/// The first leaf that a reader waits for.
std::optional<leaf_ref> scheduler::urgent(peer_no peer) const {
    for (const auto blob : wanted_) {
        const auto& b = blobs_[blob];
        if (!b.reading)
            continue;
        const auto size = who_has_.mine(blob).size();
        const auto end =
            *b.reading + std::min(size - std::min(size, *b.reading), options_.read_ahead_leaves);
        for (auto i = *b.reading; i < end; ++i)
            if (needed({blob, i}) && who_has_.peer_has_leaf(peer, {blob, i}))
                return leaf_ref{blob, i};
    }
    return std::nullopt;
}

std::optional<leaf_ref> scheduler::rarest(peer_no peer, bool small) const {
    std::optional<leaf_ref> best;
    std::uint64_t best_key = std::numeric_limits<std::uint64_t>::max();
    for (const auto blob : wanted_) {
        if (is_small(blob) != small || (!small && directs(peers_[peer], blob)))
            continue;
        const auto* const theirs = who_has_.of_peer(peer, blob);
        if (!theirs)
            continue;
        const auto& mine = who_has_.mine(blob);
        const auto& pending = blobs_[blob].pending;
        const auto words = mine.words();
        const auto start = words > scan_words_max ? mix(seed_ + turns_) % words : 0;
        std::size_t useful = 0;
        for (std::size_t i = 0; i < words && useful < scan_words_max; ++i) {
            const auto n = (start + i) % words;
            const auto open = theirs->word(n) & ~mine.word(n) & ~pending.word(n);
            useful += open != 0;
            for_each_leaf(open, n, [&](std::uint32_t leaf) {
                const auto copies = std::uint64_t{who_has_.copies({blob, leaf})};
                const auto tie = mix(seed_ ^ (std::uint64_t{blob} << 32) ^ leaf) >> 16;
                if (const auto key = copies << 48 | tie; key < best_key) {
                    best_key = key;
                    best = leaf_ref{blob, leaf};
                }
            });
        }
    }
    return best;
}

void scheduler::put(steady_time now, peer_no peer, leaf_ref leaf, bool begun) {
    auto& p = peers_[peer];
    if (p.requests.empty() && p.blanks.empty()) {
        p.rate.start(now);
        p.last_data = now;
    }
    if (outstanding_ == 0)
        total_rate_.start(now);
    p.requests.push_back({leaf, now, begun});
    ++outstanding_;
    blobs_[leaf.blob].pending.set(leaf.leaf);
}

void scheduler::forget(peer_no peer, requests::iterator it, bool free) {
    const auto r = *it;
    peers_[peer].requests.erase(it);
    --outstanding_;
    if (free && !r.late)
        free_leaf(r.leaf, peer);
}

/// The leaf may be asked of somebody else, unless it is here or somebody else was asked already.
void scheduler::free_leaf(leaf_ref leaf, peer_no except) {
    if (!wanted(leaf.blob))
        return;
    for (peer_no n = 0; n < peers_.size(); ++n)
        if (n != except && peers_[n].used)
            if (const auto it = find(peers_[n], leaf);
                it != peers_[n].requests.end() && !it->late && !it->cancelling)
                return;
    blobs_[leaf.blob].pending.clear(leaf.leaf);
    revive_all();
}

void scheduler::cancel_request(steady_time now, peer_no peer, request& r) {
    if (r.cancelling)
        return;
    r.cancelling = true;
    r.cancelled = now;
    actions_.push_back(cancel{peer, r.leaf});
}

void scheduler::cancel_elsewhere(steady_time now, leaf_ref leaf, peer_no except) {
    for (peer_no n = 0; n < peers_.size(); ++n)
        if (n != except && peers_[n].used)
            if (const auto it = find(peers_[n], leaf); it != peers_[n].requests.end())
                cancel_request(now, n, *it);
}

/// All that is missing is on its way.
bool scheduler::is_end_game() const {
    return std::ranges::all_of(wanted_, [&](blob_no b) { return unasked(b) == 0; });
}

/// The very last leaves are worth asking for twice.
bool scheduler::may_repeat() const {
    return outstanding_ <= repeated_max && is_end_game();
}

double scheduler::leaf_seconds(const peer_state& p) const {
    const auto rate = p.rate.bytes_per_second();
    if (rate > 0)
        return leaf_bytes / rate;
    const auto all = total_rate_.bytes_per_second();
    return all > 0 ? 4 * leaf_bytes / all : 1.0;
}

/// While there is room and nothing left to ask for, peers that have run dry take over leaves that
/// wait in the queues of slower ones.
void scheduler::steal(steady_time now) {
    if (outstanding_ >= budget() || now < next_steal_)
        return;
    next_steal_ = now + steal_interval;
    for (peer_no n = 0; n < peers_.size(); ++n) {
        auto& p = peers_[n];
        if (p.used && p.exhausted && !p.stalled && p.requests.empty() && p.blanks.empty())
            steal_for(now, n);
    }
}

void scheduler::steal_for(steady_time now, peer_no thief) {
    const auto own = leaf_seconds(peers_[thief]) + peers_[thief].rate.delay().count();
    const bool end_game = is_end_game();
    request* best = nullptr;
    peer_no from = 0;
    double best_wait = 0;
    for (peer_no n = 0; n < peers_.size(); ++n) {
        auto& p = peers_[n];
        if (!p.used || n == thief)
            continue;
        double queue = 0;
        for (auto& r : p.requests) {
            queue += leaf_seconds(p);
            // What has taken long will take long.
            const auto waited = peer_rate::seconds(now - r.asked).count();
            const auto wait = end_game ? std::max(queue, waited) : queue;
            if (wait <= best_wait || r.cancelling || r.late || now - r.asked < tick_interval ||
                (r.begun && (!may_repeat() || waited < begun_factor * own)) ||
                !who_has_.peer_has_leaf(thief, r.leaf))
                continue;
            best_wait = wait;
            best = &r;
            from = n;
        }
    }
    if (!best || own > steal_gain * best_wait)
        return;
    if (!best->begun) {
        cancel_request(now, from, *best);  // it is free when the other one has let go of it
        return;
    }
    best->late = true;
    free_leaf(best->leaf, from);
    fill(now);
}

void scheduler::check_stalled(steady_time now, peer_no peer) {
    auto& p = peers_[peer];
    if (p.requests.empty() && p.blanks.empty())
        return;
    for (auto& r : p.requests)
        if (may_repeat() && r.cancelling && !r.late && now - r.cancelled > cancel_answer_max) {
            r.late = true;  // it was on its way, or nobody listens
            free_leaf(r.leaf, peer);
        }
    const auto silent = now - p.last_data;
    if (silent > options_.silence_max && !p.requests.empty()) {
        give_up(peer, "was silent for too long");
        return;
    }
    const auto slow = std::chrono::duration<double>(
        p.rate.bytes_per_second() > 0 ? stall_leaves * leaf_seconds(p) : 0);
    if (silent < options_.stall_min || silent < slow)
        return;
    p.stalled = true;
    for (auto& r : p.requests) {
        if (r.late)
            continue;
        r.late = true;
        if (!r.begun)
            cancel_request(now, peer, r);
        free_leaf(r.leaf, peer);
    }
}

void scheduler::give_up(peer_no peer, std::string_view why) {
    auto& p = peers_[peer];
    while (!p.requests.empty())
        forget(peer, p.requests.begin(), true);
    for (const auto& b : p.blanks)
        --blobs_[b.blob].blanks;
    outstanding_ -= p.blanks.size();
    p = {};
    actions_.push_back(drop{peer, why});
    revive_all();
}

void scheduler::revive_all() {
    for (auto& p : peers_)
        p.exhausted = false;
}

}  // namespace dm::swarm
