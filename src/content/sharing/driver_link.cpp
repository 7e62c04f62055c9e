#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "content/sharing/driver.hpp"

/// Links: streams, and the messages on them.
namespace dm::sharing {
namespace {

constexpr std::chrono::seconds retry_interval{5};
/// Blobs that are looked up in the store at once for one peer; who asks for more waits in vain.
constexpr std::size_t lookups_per_peer_max = 128;
/// Pieces are as large as a link takes in about this time: other messages do not wait for longer,
/// and a fast link is not slowed down by many small writes.
constexpr std::chrono::milliseconds piece_time{10};
constexpr std::size_t piece_bytes_min = 16 * 1024;
/// Leaves that may wait for the disk before no more is read from peers.
constexpr std::size_t storing_max = 16;

steady_time now() {
    return std::chrono::steady_clock::now();
}

/// The size of the next piece, after `written` bytes took so long.
std::size_t next_piece_bytes(std::size_t piece, std::size_t written, steady_time::duration took) {
    if (took > 2 * piece_time)
        return std::max(piece / 2, piece_bytes_min);
    if (took < piece_time / 4 && written >= piece)
        return std::min(piece * 2, swarm::piece_bytes_max);
    return piece;
}

}  // namespace

void swarm_node::connect_to_all() {
    for (const auto& p : host_.peers())
        if (p.speaks(protocol_id))
            connect_to(p.id);
}

void swarm_node::connect_to(const host::peer_id& peer) {
    const auto known =
        std::ranges::any_of(links_, [&](const link& l) { return !l.dead && l.peer == peer; });
    const auto retry = retry_at_.find(peer);
    if (known || (retry != retry_at_.end() && retry->second > now()))
        return;
    std::erase_if(retry_at_, [t = now()](const auto& entry) { return entry.second <= t; });
    make_link(peer);
}

link* swarm_node::make_link(const host::peer_id& peer) {
    if (who_has_.peer_count() >= swarm::peers_max || !running_)
        return nullptr;
    auto& l = links_.emplace_back(executor_, peer, who_has_.add_peer(), buffers_);
    scheduler_.peer_joined(now(), l.no);
    for (auto& b : blobs_)
        if (b.wanted())
            send_join(l, b);
    tasks_.spawn("swarm: write to peer", write_to(link_use(l)));
    return &l;
}

awaitable<void> swarm_node::write_to(link_use to) {
    auto& l = *to;
    struct end {
        swarm_node& n;
        link& l;
        ~end() {
            n.drop_link(l);
            n.idle_.notify_all();
        }
    } const at_end{*this, l};
    try {
        auto opened =
            co_await aio::with_timeout(host_.open(l.peer, {protocol_id}), options_.open_timeout);
        l.out = std::move(opened.channel);
        while (!l.dead) {
            l.session.limit_pieces(l.piece_bytes);
            const auto data = l.session.pending();
            if (data.empty()) {
                co_await l.wake.wait();
                continue;
            }
            const auto begun = now();
            co_await l.out->write(data);
            if (l.dead)
                break;
            l.piece_bytes = next_piece_bytes(l.piece_bytes, data.size(), now() - begun);
            sent_bytes_ += data.size();
            l.session.sent(data.size());
            take_events(l);
        }
    } catch (const std::exception& e) {
        retry_at_[l.peer] = now() + retry_interval;
        if (!l.dead && running_ && !aio::is_cancelled(e))
            log::debug("swarm: cannot write to a peer",
                       {{"peer", l.peer.to_string()}, {"reason", e.what()}});
        if (aio::is_cancelled(e))
            throw;
    }
}

awaitable<void> swarm_node::serve(host::inbound in) {
    auto it =
        std::ranges::find_if(links_, [&](const link& l) { return !l.dead && l.peer == in.peer; });
    if (it != links_.end() && it->in) {
        drop_link(*it);  // the peer starts anew
        it = links_.end();
    }
    auto* const l = it == links_.end() ? make_link(in.peer) : &*it;
    if (!l)
        co_return;
    const link_use use(*l);
    l->in = in.channel.get();
    struct end {
        swarm_node& n;
        link& l;
        ~end() {
            l.in = nullptr;
            n.drop_link(l);
            n.idle_.notify_all();
        }
    } const at_end{*this, *l};
    co_await read_from(*l, *in.channel);
}

awaitable<void> swarm_node::read_from(link& l, host::stream& in) {
    while (!l.dead) {
        const auto n = co_await in.read_some(l.session.room());
        if (n == 0 || l.dead)
            co_return;
        received_bytes_ += n;
        l.received_bytes += n;
        if (const auto ok = l.session.filled(n); !ok) {
            punish(l, ok.error().message());
            co_return;
        }
        take_events(l);
        if (!l.session.healthy())
            punish(l, "does not read what it asked for");
        while (storing_ >= storing_max && !l.dead)
            co_await stored_.wait();
    }
}

void swarm_node::take_events(link& l) {
    while (!l.dead) {
        auto e = l.session.poll();
        if (!e)
            break;
        if (auto* const m = std::get_if<swarm::message>(&*e)) {
            take(l, *m);
        } else if (const auto* p = std::get_if<swarm::piece_received>(&*e)) {
            const auto& r = l.theirs.at(p->channel);
            if (r.blob && r.blob->no && r.blob->fetching)
                scheduler_.progress(now(), l.no, {*r.blob->no, p->leaf}, p->size);
        } else if (auto* const x = std::get_if<swarm::block_received>(&*e)) {
            take_block(l, *x);
        } else {
            const auto& s = std::get<swarm::block_sent>(*e);
            const auto it = std::ranges::find(blobs_, s.channel, &shared_blob::channel);
            if (it != blobs_.end() && it->no)
                uploader_.sent(now(), l.no, {*it->no, s.leaf});
        }
    }
    act();
}

void swarm_node::take(link& l, swarm::message& m) {
    if (const auto* j = std::get_if<swarm::join>(&m)) {
        take_join(l, *j);
        return;
    }
    const auto channel = std::visit(
        [](const auto& x) {
            if constexpr (requires { x.channel; })
                return x.channel;
            else
                return swarm::channel_no{0};
        },
        m);
    auto& r = l.theirs[channel];
    if (std::holds_alternative<swarm::leave>(m)) {
        if (r.blob && r.blob->no) {
            who_has_.peer_left(l.no, *r.blob->no);
            scheduler_.blob_left(now(), l.no, *r.blob->no);
            uploader_.blob_left(l.no, *r.blob->no);
        }
        l.theirs.erase(channel);
        return;
    }
    if (!r.blob || !r.blob->no)
        return;
    take_for_blob(l, r, *r.blob, m);
}

void swarm_node::take_join(link& l, const swarm::join& m) {
    auto& r = l.theirs[m.channel];
    const bool wanted_before = r.digest == m.digest && r.said.wants;
    if (r.digest != m.digest)
        r = {};
    r.digest = m.digest;
    r.said = m;
    r.answered = true;
    auto* const b = find(m.digest);
    const bool known = b && (b->no || b->wanted());
    if (!known) {
        if (m.wants && may_look_up(m.digest, l.no)) {
            looking_up_.emplace_back(m.digest, l.no);
            tasks_.spawn("swarm: look up blob", look_up(m.digest));
        }
        return;
    }
    attach(l, r, *b);
    b->changed.notify_all();
    // Who asks anew gets an answer, even if it was told before.
    if (!l.joined.contains(b->channel) || (m.wants && !wanted_before))
        send_join(l, *b);
}

bool swarm_node::may_look_up(const crypto::digest& d, swarm::peer_no asker) const {
    std::size_t of_asker = 0;
    for (const auto& [digest, who] : looking_up_) {
        if (digest == d)
            return false;  // all who ask for it are told
        of_asker += who == asker;
    }
    return of_asker < lookups_per_peer_max;
}

awaitable<void> swarm_node::look_up(crypto::digest d) {
    struct done {
        swarm_node& n;
        crypto::digest d;
        ~done() {
            std::erase_if(n.looking_up_, [&](const auto& entry) { return entry.first == d; });
        }
    } const at_end{*this, d};
    co_await offer_stored(d);
    auto* b = find(d);
    if (b && b->no)
        co_return;
    announce(b ? *b : open_blob(d));  // "not here": those who ask need not wait
}

void swarm_node::take_for_blob(link& l, remote_blob& r, shared_blob& b, swarm::message& m) {
    const auto t = now();
    if (const auto* h = std::get_if<swarm::have>(&m)) {
        if (r.claimed.size() != b.hashes.size())
            return;
        h->leaves.add_to(r.claimed);
        refresh_claims(l, r);
        want_hashes(l, r);
    } else if (const auto* q = std::get_if<swarm::ask_leaves>(&m)) {
        swarm::leaves out{b.channel, q->first, {}};
        for (auto i = q->first; b.hashed.test(i) && out.hashes.size() < swarm::hashes_max; ++i)
            out.hashes.push_back(b.hashes[i]);
        send(l, out);
    } else if (const auto* list = std::get_if<swarm::leaves>(&m)) {
        take_hashes(l, r, *list);
    } else if (const auto* ask = std::get_if<swarm::ask_leaf>(&m)) {
        if (l.joined.contains(b.channel))
            uploader_.asked(t, l.no, {*b.no, ask->leaf});
    } else if (const auto* any = std::get_if<swarm::ask_any_leaf>(&m)) {
        if (l.joined.contains(b.channel))
            uploader_.asked_any(t, l.no, *b.no, any->from);
    } else if (const auto* c = std::get_if<swarm::cancel_leaf>(&m)) {
        uploader_.cancelled(l.no, {*b.no, c->leaf});
    } else if (const auto* x = std::get_if<swarm::refuse_leaf>(&m)) {
        if (x->leaf < b.hashes.size())
            scheduler_.refused(t, l.no, {*b.no, x->leaf});
    } else if (std::holds_alternative<swarm::no_more_leaves>(m)) {
        r.said.directs = false;
        scheduler_.directs(t, l.no, *b.no, false);
    } else if (const auto* chosen = std::get_if<swarm::chosen_leaf>(&m)) {
        if (chosen->leaf >= b.hashes.size() || !b.fetching || !is_usable(b))
            return;
        know_hash(b, chosen->leaf, chosen->hash, l.no);
        r.claimed.set(chosen->leaf);
        who_has_.peer_gained(l.no, {*b.no, chosen->leaf});
        scheduler_.chosen(t, l.no, {*b.no, chosen->leaf});
    }
}

void swarm_node::take_block(link& l, swarm::block_received& m) {
    const auto& r = l.theirs.at(m.channel);
    auto* const b = r.blob;
    if (!b || !b->no || !b->fetching || !b->writing || r.said.size != b->size ||
        m.leaf >= b->hashes.size() || !b->hashed.test(m.leaf)) {
        wasted_bytes_ += m.data.size();
        return;
    }
    const swarm::leaf_ref ref{*b->no, m.leaf};
    if (who_has_.mine(*b->no).test(m.leaf)) {
        wasted_bytes_ += m.data.size();
        scheduler_.received(now(), l.no, ref);
        return;
    }
    ++storing_;
    ++b->storing;
    tasks_.spawn("swarm: store block",
                 store_block(link_use(l), blob_use(*b, unused_), m.leaf, std::move(m.data)));
}

void swarm_node::send(link& l, const swarm::message& m) {
    if (l.dead)
        return;
    l.session.send(m);
    l.wake.notify_all();
}

void swarm_node::drop_link(link& l) {
    if (l.dead)
        return;
    l.dead = true;
    who_has_.remove_peer(l.no);
    scheduler_.peer_left(now(), l.no);
    uploader_.peer_left(l.no);
    for (auto& b : blobs_) {
        if (b.asked_hashes == l.no)
            b.asked_hashes.reset();
        b.changed.notify_all();
    }
    l.theirs.clear();
    l.joined.clear();
    if (l.out)
        l.out->reset();
    if (l.in)
        l.in->reset();
    l.wake.notify_all();
    stored_.notify_all();
    if (running_)
        act();
}

void swarm_node::punish(link& l, std::string why) {
    if (l.dead)
        return;
    const auto peer = l.peer;
    log::warn("peer banned", {{"peer", peer.to_string()}, {"reason", why}});
    drop_link(l);
    tasks_.spawn("swarm: ban peer", ban(peer, std::move(why)));
}

awaitable<void> swarm_node::ban(host::peer_id peer, std::string why) {
    host_.ban(peer, std::move(why), options_.ban_time);
    co_return;
}

}  // namespace dm::sharing
