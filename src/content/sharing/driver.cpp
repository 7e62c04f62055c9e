#include "content/sharing/driver.hpp"

#include <boost/asio/redirect_error.hpp>
#include <cassert>

#include "base/log.hpp"
#include "base/rng.hpp"

namespace dm::sharing {
namespace {

constexpr std::chrono::seconds sweep_interval{5};

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

swarm_node::swarm_node(executor ex, aio::pool& workers, host::host& network,
                       store::content_store& store, options o)
    : executor_(ex),
      workers_(workers),
      host_(network),
      store_(store),
      options_(o),
      seed_(random_seed()),
      scheduler_(who_has_, seed_, o.scheduling),
      uploader_(who_has_, seed_, o.uploading),
      tasks_(ex),
      timer_(ex),
      idle_(ex),
      stored_(ex),
      unused_(std::move(ex)) {}

swarm_node::~swarm_node() {
    assert(links_.empty() && "a swarm_node is stopped before it is destroyed");
}

void swarm_node::start() {
    running_ = true;
    host_.handle(protocol_id, [this](host::inbound in) { return serve(std::move(in)); });
    peers_.emplace(host_.events().add([this](const host::peer_event& e) {
        using kind = host::peer_event::kind;
        if (e.what == kind::identified && e.peer.speaks(protocol_id) && is_fetching())
            connect_to(e.peer.id);
    }));
    arrivals_.emplace(store_.arrivals().add([this](const crypto::digest& d) {
        if (is_asked_for(d))
            tasks_.spawn("swarm: follow import", follow_arrival(d));
    }));
    tasks_.spawn("swarm: clock", clock());
}

awaitable<void> swarm_node::stop() {
    running_ = false;
    peers_.reset();
    arrivals_.reset();
    host_.stop_handling(protocol_id);
    for (auto& l : links_)
        drop_link(l);
    co_await tasks_.stop();
    while (std::ranges::any_of(links_, [](const link& l) { return l.users > 0; }))
        co_await idle_.wait_regardless();
    links_.clear();
    for (auto& b : blobs_)
        release_readers(b);
    blobs_.clear();
}

bool swarm_node::is_fetching() const noexcept {
    return std::ranges::any_of(blobs_, &shared_blob::wanted);
}

bool swarm_node::is_asked_for(const crypto::digest& d) const {
    return std::ranges::any_of(links_, [&](const link& l) {
        return !l.dead && std::ranges::any_of(l.theirs, [&](const auto& entry) {
            return entry.second.digest == d && entry.second.said.wants;
        });
    });
}

bool swarm_node::has_peers() const noexcept {
    return std::ranges::any_of(host_.peers(),
                               [](const host::peer_info& p) { return p.speaks(protocol_id); });
}

/// After every event: what follows from it goes out.
void swarm_node::act() {
    while (const auto a = scheduler_.poll())
        carry_out(*a);
    pump_uploads();
    if (next_deadline() < armed_)
        timer_.cancel();
}

void swarm_node::carry_out(const swarm::action& a) {
    const auto peer = std::visit([](const auto& x) { return x.peer; }, a);
    auto* const l = link_of(peer);
    if (!l)
        return;
    if (const auto* x = std::get_if<swarm::ask>(&a)) {
        send(*l, swarm::ask_leaf{channel_of(x->leaf.blob), x->leaf.leaf});
    } else if (const auto* y = std::get_if<swarm::ask_any>(&a)) {
        send(*l, swarm::ask_any_leaf{channel_of(y->blob), y->from});
    } else if (const auto* z = std::get_if<swarm::cancel>(&a)) {
        if (who_has_.has_blob(z->leaf.blob))
            send(*l, swarm::cancel_leaf{channel_of(z->leaf.blob), z->leaf.leaf});
    } else {
        punish(*l, std::string(std::get<swarm::drop>(a).why));
    }
}

void swarm_node::pump_uploads() {
    while (const auto s = uploader_.next(now())) {
        auto* const l = link_of(s->peer);
        assert(l && "the uploader forgets peers that have left");
        // At once: the leaf is not to be asked for by name when "no more" overtakes it.
        if (s->chosen)
            send(*l, swarm::chosen_leaf{channel_of(s->leaf.blob), s->leaf.leaf,
                                        blob_of(s->leaf.blob)->hashes[s->leaf.leaf]});
        start_leaf(*l, *s);
    }
    while (const auto e = uploader_.poll()) {
        if (const auto* r = std::get_if<swarm::refuse>(&*e)) {
            if (auto* const l = link_of(r->peer); l && who_has_.has_blob(r->leaf.blob))
                send(*l, swarm::refuse_leaf{channel_of(r->leaf.blob), r->leaf.leaf});
        } else if (const auto& n = std::get<swarm::no_more>(*e); auto* const l = link_of(n.peer)) {
            if (who_has_.has_blob(n.blob))
                send(*l, swarm::no_more_leaves{channel_of(n.blob)});
        }
    }
}

steady_time swarm_node::next_deadline() const {
    return std::min({scheduler_.deadline(), uploader_.deadline(now()),
                     news_due_.value_or(steady_time::max()), sweep_due_});
}

awaitable<void> swarm_node::clock() {
    sweep_due_ = now() + sweep_interval;
    for (;;) {
        armed_ = next_deadline();
        timer_.expires_at(armed_);
        boost::system::error_code woken;  // told of an earlier deadline, or cancelled: see above
        co_await timer_.async_wait(asio::redirect_error(use_awaitable, woken));
        const auto t = now();
        if (scheduler_.deadline() <= t)
            scheduler_.tick(t);
        if (news_due_ && *news_due_ <= t)
            flush_news();
        if (sweep_due_ <= t) {
            sweep_due_ = t + sweep_interval;
            sweep();
        }
        act();
    }
}

/// Peers are told of new leaves a few at a time.
void swarm_node::flush_news() {
    news_due_.reset();
    for (auto& b : blobs_) {
        if (b.news.empty() || !b.no)
            continue;
        swarm::leaf_set set(swarm::leaf_count(b.size));
        for (const auto leaf : b.news)
            set.set(leaf);
        b.news.clear();
        const swarm::have m{b.channel, swarm::leaf_runs::of(set)};
        for (auto& l : links_)
            if (!l.dead && l.joined.contains(b.channel))
                send(l, m);
    }
}

/// Forgets links that have ended and blobs that nobody asks for any more.
void swarm_node::sweep() {
    std::erase_if(links_, [](const link& l) { return l.dead && l.users == 0; });
    buffers_.trim();
    const auto t = now();
    for (auto& b : blobs_) {
        if (b.wanted() || is_asked_for(b.digest))
            b.last_use = t;
        if (b.asked_hashes && t - b.asked_hashes_at > sweep_interval)
            b.asked_hashes.reset();  // somebody else is asked
        if (b.stored && b.users == 0)
            release_readers(b);
        if (b.reading && (*b.reading)->complete() && b.users == 0) {
            tasks_.spawn("swarm: blob complete", reopen(blob_use(b, unused_)));
        } else if (b.reading && (*b.reading)->failed() && b.users == 0 && !b.fetching) {
            b.last_use = {};
        }
    }
    for (auto it = blobs_.begin(); it != blobs_.end();) {
        auto& b = *it++;
        if (!b.fetching && b.users == 0 && t - b.last_use > options_.keep_open)
            close_blob(b);
    }
    if (is_fetching())
        connect_to_all();
}

link* swarm_node::link_of(swarm::peer_no no) {
    const auto it =
        std::ranges::find_if(links_, [&](const link& l) { return !l.dead && l.no == no; });
    return it == links_.end() ? nullptr : &*it;
}

swarm::channel_no swarm_node::channel_of(swarm::blob_no no) const {
    const auto it = std::ranges::find(blobs_, std::optional(no), &shared_blob::no);
    assert(it != blobs_.end());
    return it->channel;
}

}  // namespace dm::sharing
