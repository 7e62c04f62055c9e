#include <sys/uio.h>
#include <unistd.h>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "content/sharing/driver.hpp"
#include "content/store/file_dag.hpp"

/// Blobs: what is known of them, and moving their leaves.
namespace dm::sharing {
namespace {

using swarm::errc;

constexpr std::chrono::milliseconds list_timeout{3'000};

steady_time now() {
    return std::chrono::steady_clock::now();
}

/// As long as the size of a blob is being asked for.
class asking {
  public:
    explicit asking(shared_blob& b) : b_(b) { ++b_.asking; }
    asking(const asking&) = delete;
    asking& operator=(const asking&) = delete;
    ~asking() { --b_.asking; }

  private:
    shared_blob& b_;
};

/// False when not all of it is in memory.
bool read_cached(int file, std::uint64_t at, std::span<std::byte> into) {
    const iovec part{into.data(), into.size()};
    return ::preadv2(file, &part, 1, static_cast<off_t>(at), RWF_NOWAIT) ==
           static_cast<ssize_t>(into.size());
}

swarm::leaf_set leaves_of(const store::arrival& a) {
    swarm::leaf_set out(swarm::leaf_count(a.size()));
    for (std::uint32_t i = 0; i < out.size(); ++i)
        if (a.has(i))
            out.set(i);
    return out;
}

}  // namespace

shared_blob* swarm_node::find(const crypto::digest& d) {
    const auto it = std::ranges::find(blobs_, d, &shared_blob::digest);
    return it == blobs_.end() ? nullptr : &*it;
}

shared_blob& swarm_node::open_blob(const crypto::digest& d) {
    std::set<swarm::channel_no> taken;
    for (const auto& b : blobs_)
        taken.insert(b.channel);
    swarm::channel_no channel = 0;
    while (taken.contains(channel))
        ++channel;
    if (channel >= swarm::channels_max)
        raise(errc::too_large, "too many blobs are shared at once");
    auto& b = blobs_.emplace_back(executor_, d, channel);
    b.last_use = now();
    for (auto& l : links_)
        for (auto& [no, r] : l.theirs)
            if (r.digest == d)
                r.blob = &b;
    return b;
}

void swarm_node::set_size(shared_blob& b, std::uint64_t size, swarm::leaf_set mine,
                          swarm::role own) {
    b.size = size;
    b.hashes.assign(mine.size(), {});
    b.hashed = swarm::leaf_set(mine.size());
    b.hash_from.assign(mine.size(), 0);
    b.no = who_has_.add_blob(size, std::move(mine), own);
}

void swarm_node::release_readers(shared_blob& b) {
    if (b.reading)
        (*b.reading)->on_leaf({});
    b.reading.reset();
    b.writing = nullptr;
}

void swarm_node::close_blob(shared_blob& b) {
    for (auto& l : links_) {
        if (!l.dead && l.joined.erase(b.channel) > 0)
            send(l, swarm::leave{b.channel});
        for (auto& [no, r] : l.theirs)
            if (r.blob == &b)
                r.blob = nullptr;
    }
    if (b.no) {
        scheduler_.unwant(now(), *b.no);
        uploader_.blob_removed(*b.no);
        who_has_.remove_blob(*b.no);
    }
    release_readers(b);
    blobs_.remove_if([&](const shared_blob& x) { return &x == &b; });
}

void swarm_node::announce(shared_blob& b) {
    for (auto& l : links_)
        if (!l.dead && (b.wanted() || std::ranges::any_of(l.theirs, [&](const auto& entry) {
                            return entry.second.digest == b.digest;
                        })))
            send_join(l, b);
}

/// Answers from before count no more.
void swarm_node::ask_all(shared_blob& b) {
    for (auto& l : links_)
        for (auto& [no, r] : l.theirs)
            if (r.digest == b.digest)
                r.answered = false;
    announce(b);
}

void swarm_node::send_join(link& l, shared_blob& b) {
    swarm::join m;
    m.channel = b.channel;
    m.digest = b.digest;
    m.wants = b.wanted();
    if (b.no) {
        m.size = b.size;
        m.size_known = true;
        m.as = who_has_.own_role(*b.no);
        m.directs = uploader_.directs(*b.no);
        m.leaves = swarm::leaf_runs::of(who_has_.mine(*b.no));
    }
    l.joined.insert(b.channel);
    send(l, m);
}

/// What the peer has said about the blob is put to use.
void swarm_node::attach(link& l, remote_blob& r, shared_blob& b) {
    r.blob = &b;
    if (!b.no || !r.said.size_known || r.said.size != b.size)
        return;
    r.claimed = swarm::leaf_set(swarm::leaf_count(b.size));
    r.said.leaves.add_to(r.claimed);
    // First, so that nothing is asked by name of a source that would rather choose.
    if (is_usable(b))
        scheduler_.directs(now(), l.no, *b.no, r.said.directs);
    refresh_claims(l, r);
    want_hashes(l, r);
    b.changed.notify_all();
}

/// With a root, no leaf is asked for before the list of hashes is proven by it.
bool swarm_node::is_usable(const shared_blob& b) {
    return !b.fetching || !b.root || b.certain;
}

/// Leaves whose hash is not known cannot be asked for.
void swarm_node::refresh_claims(link& l, remote_blob& r) {
    auto& b = *r.blob;
    swarm::leaf_set usable(r.claimed.size());
    if (is_usable(b))
        for (std::size_t n = 0; n < r.claimed.words(); ++n)
            swarm::for_each_leaf(r.claimed.word(n) & (b.fetching ? b.hashed.word(n) : ~0ull), n,
                                 [&](std::uint32_t leaf) { usable.set(leaf); });
    who_has_.peer_has(l.no, *b.no, std::move(usable), r.said.as);
    scheduler_.peer_gained(now(), l.no);
}

/// Asks the peer for hashes of leaves that it has, if nobody else is being asked.
void swarm_node::want_hashes(link& l, remote_blob& r) {
    auto& b = *r.blob;
    if (!b.fetching || !b.no || b.certain || b.hashed.full())
        return;
    if (b.asked_hashes && link_of(*b.asked_hashes) && now() - b.asked_hashes_at < list_timeout)
        return;
    for (std::size_t n = 0; n < r.claimed.words(); ++n)
        if (const auto open = r.claimed.word(n) & ~b.hashed.word(n); open != 0) {
            const auto first = static_cast<std::uint32_t>(n * 64) +
                               static_cast<std::uint32_t>(std::countr_zero(open));
            b.asked_hashes = l.no;
            b.asked_hashes_at = now();
            send(l, swarm::ask_leaves{b.channel, first});
            return;
        }
}

void swarm_node::take_hashes(link& l, remote_blob& r, const swarm::leaves& m) {
    auto& b = *r.blob;
    if (!b.no || b.asked_hashes != l.no)
        return;
    b.asked_hashes.reset();
    bool news = false;
    for (std::size_t i = 0; i < m.hashes.size(); ++i)
        news |= know_hash(b, m.first + static_cast<std::uint32_t>(i), m.hashes[i], l.no);
    if (!news) {
        r.claimed = swarm::leaf_set(r.claimed.size());  // it cannot say what it has
        refresh_claims(l, r);
    }
    hashes_changed(b);
}

bool swarm_node::know_hash(shared_blob& b, std::uint32_t leaf, const swarm::leaf_hash& hash,
                           swarm::peer_no from) {
    if (leaf >= b.hashes.size() || b.hashed.test(leaf) || hash == swarm::leaf_hash{})
        return false;
    b.hashes[leaf] = hash;
    b.hash_from[leaf] = from;
    b.hashed.set(leaf);
    return true;
}

void swarm_node::hashes_changed(shared_blob& b) {
    if (b.root && !b.certain && b.hashed.full()) {
        if (store::build_file_dag(b.hashes, b.size).root == *b.root) {
            b.certain = true;
        } else {
            const std::set<swarm::peer_no> liars(b.hash_from.begin(), b.hash_from.end());
            b.hashes.assign(b.hashes.size(), {});
            b.hashed = swarm::leaf_set(b.hashed.size());
            for (const auto no : liars)
                if (auto* const l = link_of(no))
                    punish(*l, "sent a wrong list of blocks");
        }
    }
    const auto t = now();
    for (auto& l : links_)
        for (auto& [no, r] : l.theirs)
            if (!l.dead && r.blob == &b && r.claimed.size() == b.hashes.size()) {
                if (b.certain)
                    scheduler_.directs(t, l.no, *b.no, r.said.directs);
                refresh_claims(l, r);
                want_hashes(l, r);
            }
}

void swarm_node::gained(shared_blob& b, std::uint32_t leaf) {
    if (!who_has_.gained({*b.no, leaf}))
        return;
    b.news.push_back(leaf);
    if (!news_due_)
        news_due_ = now() + options_.news_delay;
}

/// False when the blob is open. What was opened only to say that it is not here is closed.
bool swarm_node::make_way(const crypto::digest& d) {
    auto* const old = find(d);
    if (!old)
        return true;
    if (old->no || old->wanted() || old->users > 0)
        return false;
    close_blob(*old);
    return true;
}

/// A peer asks for a blob that is not open: it may be in the store, or on its way in.
awaitable<void> swarm_node::offer_stored(crypto::digest d) {
    auto stored = co_await store_.open(d);
    if (!stored) {
        co_await follow_arrival(d);
        if (const auto* const b = find(d); b && b->no)
            co_return;
        stored = co_await store_.open(d);  // it may have become complete between the two looks
        if (!stored)
            co_return;
    }
    auto hashes = co_await store_.leaves(d);
    if (hashes.size() != swarm::leaf_count(stored->info.size) || !make_way(d))
        co_return;
    auto& b = open_blob(d);
    swarm::leaf_set all(static_cast<std::uint32_t>(hashes.size()));
    all.set_all();
    set_size(b, stored->info.size, all, swarm::role::source);
    b.hashes = std::move(hashes);
    b.hashed = std::move(all);
    b.certain = true;
    b.stored = std::move(*stored);
    for (auto& l : links_)
        for (auto& [no, r] : l.theirs)
            if (!l.dead && r.digest == d)
                attach(l, r, b);
    announce(b);
    act();
}

/// Shares what somebody else, an import from a registry, is writing to the store.
awaitable<void> swarm_node::follow_arrival(crypto::digest d) {
    auto lease = store_.arriving(d);
    if (!lease)
        co_return;
    if (!make_way(d))
        co_return;
    auto& b = open_blob(d);
    auto& a = **lease;
    set_size(b, a.size(), leaves_of(a), swarm::role::source);
    const auto learn = [&b, &a](std::uint64_t i) {
        b.hashes[i] = a.leaves()[i];
        b.hashed.set(static_cast<std::uint32_t>(i));
    };
    for (std::uint32_t i = 0; i < b.hashes.size(); ++i)
        if (a.has(i))
            learn(i);
    b.reading.emplace(std::move(*lease));
    a.on_leaf([this, &b, learn](std::uint64_t i) {
        learn(i);
        gained(b, static_cast<std::uint32_t>(i));
        act();
    });
    for (auto& l : links_)
        for (auto& [no, r] : l.theirs)
            if (!l.dead && r.digest == d)
                attach(l, r, b);
    announce(b);
    act();
}

/// The blob is complete: from now on it is read from the store's file.
awaitable<void> swarm_node::reopen(blob_use use) {
    auto& b = *use;
    auto stored = co_await store_.open(b.digest);
    if (!stored)
        co_return;
    b.stored = std::move(*stored);  // the arrival is let go once no reader is left: sweep()
}

/// Closes the blob as soon as nobody uses it; false when it is being fetched.
awaitable<bool> swarm_node::close_unused(crypto::digest d) {
    while (auto* const b = find(d)) {
        if (b->fetching)
            co_return false;
        if (b->users == 0) {
            close_blob(*b);
            break;
        }
        co_await unused_.wait();
    }
    co_return true;
}

/// After a fetch that failed: if the caller goes on with another source, this node is one itself.
awaitable<void> swarm_node::follow_caller(crypto::digest d) {
    if (co_await close_unused(d) && is_asked_for(d))
        co_await follow_arrival(d);
}

awaitable<void> swarm_node::fetch(store::arrival& into, std::optional<multiformats::cid> root,
                                  listener listen) {
    if (!co_await close_unused(into.digest()))
        raise(errc::given_up, "it is being fetched already");
    auto& b = open_blob(into.digest());
    b.fetching = true;
    b.root = root;
    b.writing = &into;
    b.last_data = now();
    set_size(b, into.size(), leaves_of(into), swarm::role::partner);
    for (std::uint32_t i = 0; i < b.hashes.size(); ++i)
        if (into.has(i))
            know_hash(b, i, into.leaves()[i], swarm::peer_no(-1));
    scheduler_.want(now(), *b.no);
    connect_to_all();
    ask_all(b);
    for (auto& l : links_)
        for (auto& [no, r] : l.theirs)
            if (!l.dead && r.blob == &b)
                attach(l, r, b);
    act();
    std::exception_ptr failed_with;
    try {
        co_await wait_for_blob(b, std::move(listen));
    } catch (...) {
        failed_with = std::current_exception();
    }
    b.fetching = false;
    b.last_use = now();
    scheduler_.unwant(now(), *b.no);
    co_await asio::this_coro::throw_if_cancelled(false);
    while (b.storing > 0)
        co_await b.changed.wait_regardless();
    if (failed_with)
        co_await into.settle();  // the caller may write to it next
    co_await asio::this_coro::throw_if_cancelled(true);
    if (auto lease = store_.arriving(b.digest))
        b.reading.emplace(std::move(*lease));
    b.writing = nullptr;
    for (auto& l : links_)
        if (!l.dead && l.joined.contains(b.channel))
            send_join(l, b);  // it is not wanted any more
    act();
    if (!failed_with)
        co_return;
    tasks_.spawn("swarm: follow import", follow_caller(b.digest));
    std::rethrow_exception(failed_with);
}

awaitable<void> swarm_node::wait_for_blob(shared_blob& b, listener listen) {
    const auto begun = now();
    const auto received_before = who_has_.mine(*b.no).count();
    for (;;) {
        if (b.failed)
            throw failure(*b.failed);
        fetch_progress p;
        bool promising = false;
        who_has_.for_each_peer(
            *b.no, [&](swarm::peer_no n) { p.peers += who_has_.of_peer(n, *b.no)->count() > 0; });
        for (const auto& l : links_)
            for (const auto& [no, r] : l.theirs)
                promising |= !l.dead && r.blob == &b && r.said.size_known &&
                             (r.claimed.count() > 0 || r.said.as == swarm::role::source);
        p.bytes_received = std::min<std::uint64_t>(
            b.size,
            std::uint64_t{who_has_.mine(*b.no).count() - received_before} * swarm::leaf_bytes);
        if (listen)
            listen(p);
        if (who_has_.mine(*b.no).full())
            co_return;
        const auto t = now();
        if (!promising && (t - std::max(begun, b.last_data) > options_.source_timeout ||
                           everybody_has_answered(b)))
            raise(errc::not_found, fmt::format("no peer has {}", b.digest.to_string()));
        if (t - b.last_data > options_.idle_timeout)
            raise(errc::given_up, fmt::format("peers stopped sending {}", b.digest.to_string()));
        try {
            co_await aio::with_timeout(b.changed.wait(), options_.source_timeout / 4);
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
        }
    }
}

bool swarm_node::everybody_has_answered(const shared_blob& b) const {
    return std::ranges::all_of(host_.peers(), [&](const host::peer_info& p) {
        return !p.speaks(protocol_id) || std::ranges::any_of(links_, [&](const link& l) {
            return !l.dead && l.peer == p.id &&
                   std::ranges::any_of(l.theirs, [&](const auto& entry) {
                       return entry.second.digest == b.digest && entry.second.answered &&
                              !entry.second.said.wants;
                   });
        });
    });
}

awaitable<bytes> swarm_node::get(crypto::digest d, std::size_t size_max) {
    if (co_await store_.find(d))
        co_return co_await store_.read(d, size_max);
    std::optional<std::uint64_t> size;
    {
        auto* b = find(d);
        if (!b)
            b = &open_blob(d);
        const blob_use use(*b, unused_);
        const asking ask(*b);
        if (b->no)
            size = b->size;
        connect_to_all();
        ask_all(*b);
        const auto begun = now();
        while (!size && now() - begun < options_.source_timeout) {
            for (const auto& l : links_)
                for (const auto& [no, r] : l.theirs)
                    if (!l.dead && r.digest == d && r.said.size_known && r.said.size <= size_max &&
                        (!r.said.leaves.runs.empty() || r.said.as == swarm::role::source))
                        size = r.said.size;
            if (size || everybody_has_answered(*b))
                break;
            try {
                co_await aio::with_timeout(b->changed.wait(), options_.source_timeout / 8);
            } catch (const failure& e) {
                if (e.code() != aio::errc::timed_out)
                    throw;
            }
        }
    }
    if (!size)
        raise(errc::not_found, fmt::format("no peer has {}", d.to_string()));
    if (auto lease = co_await store_.receive(d, *size)) {
        co_await fetch(**lease, std::nullopt, {});
        co_await store_.finish(*lease);
    } else if (auto other = store_.arriving(d)) {
        co_await (*other)->ended();
    }
    co_return co_await store_.read(d, size_max);
}

void swarm_node::reading(const crypto::digest& d, std::uint64_t at) {
    if (auto* const b = find(d); b && b->no && b->fetching) {
        scheduler_.read_from(now(), *b->no, static_cast<std::uint32_t>(at / swarm::leaf_bytes));
        act();
    }
}

awaitable<void> swarm_node::store_block(link_use from, blob_use of, std::uint32_t leaf,
                                        swarm::leaf_buffer data) {
    auto& l = *from;
    auto& b = *of;
    const swarm::leaf_ref ref{*b.no, leaf};
    struct counted {
        swarm_node& n;
        shared_blob& b;
        ~counted() {
            --n.storing_;
            --b.storing;
            n.stored_.notify_all();
            b.changed.notify_all();
        }
    } const at_end{*this, b};
    const auto size = data.size();
    const auto expected = b.hashes[leaf];
    bool right = false;
    try {
        right = co_await b.writing->put(leaf, data.view(), expected);
    } catch (const failure& e) {
        b.failed = e.reason();  // the fetch ends with it
        b.changed.notify_all();
        co_return;
    }
    if (!right) {
        wasted_bytes_ += size;
        if (b.hashes[leaf] == expected)
            judge_wrong_block(l, b, leaf);
        else if (!l.dead)  // the hash was found to be a lie meanwhile: no blame on this block
            scheduler_.refused(now(), l.no, ref);
        act();
        co_return;
    }
    b.last_data = now();
    gained(b, leaf);
    if (!l.dead) {
        l.strikes = 0;
        scheduler_.received(now(), l.no, ref);
    }
    b.changed.notify_all();
    act();
}

/// The block is not what the hash says. If the hash is certain, or this peer said it, this peer
/// lies. Otherwise one of two does: what the other one said and no block has confirmed is
/// forgotten, and this peer is asked for the hashes, which its own blocks have to match from now
/// on.
void swarm_node::judge_wrong_block(link& l, shared_blob& b, std::uint32_t leaf) {
    if (l.dead)
        return;
    const auto teller = b.hash_from[leaf];
    if (b.certain || teller == l.no) {
        scheduler_.received_wrong(now(), l.no, {*b.no, leaf});
        return;
    }
    scheduler_.refused(now(), l.no, {*b.no, leaf});
    for (std::uint32_t i = 0; i < b.hashes.size(); ++i)
        if (b.hash_from[i] == teller && !who_has_.mine(*b.no).test(i)) {
            b.hashed.clear(i);
            b.hashes[i] = {};
        }
    if (auto* const t = link_of(teller); t && ++t->strikes >= strikes_max)
        punish(*t, "sent hashes that others' blocks do not match");
    b.asked_hashes = l.no;
    b.asked_hashes_at = now();
    send(l, swarm::ask_leaves{b.channel, leaf});
    hashes_changed(b);
}

/// What is in memory already goes out at once; the pool reads the rest from the disk.
void swarm_node::start_leaf(link& l, const swarm::send& what) {
    auto& b = *blob_of(what.leaf.blob);
    auto data = buffers_.take(who_has_.leaf_size(what.leaf));
    const auto at = std::uint64_t{what.leaf.leaf} * swarm::leaf_bytes;
    const int file = b.stored    ? b.stored->file.get()
                     : b.writing ? b.writing->file()
                     : b.reading ? (*b.reading)->file()
                                 : -1;
    if (file >= 0 && read_cached(file, at, data.data())) {
        l.session.send_block(b.channel, what.leaf.leaf, std::move(data));
        l.wake.notify_all();
        return;
    }
    tasks_.spawn("swarm: send leaf",
                 send_leaf(link_use(l), blob_use(b, unused_), what.leaf.leaf, std::move(data)));
}

awaitable<void> swarm_node::send_leaf(link_use to, blob_use of, std::uint32_t leaf,
                                      swarm::leaf_buffer data) {
    auto& l = *to;
    auto& b = *of;
    bool whole = false;
    try {
        if (b.stored)
            whole = co_await workers_.run([&] {
                const auto at = std::uint64_t{leaf} * swarm::leaf_bytes;
                return ::pread(b.stored->file.get(), data.data().data(), data.size(),
                               static_cast<off_t>(at)) == static_cast<ssize_t>(data.size());
            });
        else if (b.writing)
            whole = co_await b.writing->read_leaf(leaf, data.data());
        else if (b.reading)
            whole = co_await (*b.reading)->read_leaf(leaf, data.data());
    } catch (const failure& e) {
        log::warn("cannot read a block that a peer asks for",
                  {{"digest", b.digest.to_string()}, {"reason", e.what()}});
    }
    if (l.dead)
        co_return;
    if (whole) {
        l.session.send_block(b.channel, leaf, std::move(data));
        l.wake.notify_all();
        co_return;
    }
    uploader_.sent(now(), l.no, {*b.no, leaf});
    send(l, swarm::refuse_leaf{b.channel, leaf});
    act();
}

shared_blob* swarm_node::blob_of(swarm::blob_no no) {
    const auto it = std::ranges::find(blobs_, std::optional(no), &shared_blob::no);
    return it == blobs_.end() ? nullptr : &*it;
}

}  // namespace dm::sharing
