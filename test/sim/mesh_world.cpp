#include "mesh_world.hpp"

#include <algorithm>

#include "crypto/key.hpp"

namespace dm::sim {
namespace {

constexpr const char* state_topic = "globaldb-topic";
/// Blocks that go into a replica at once.
constexpr std::size_t batch_blocks = 256;

crypto::private_key key_of(std::size_t n) {
    std::array<std::byte, crypto::ed25519_seed_size> seed{};
    seed[0] = static_cast<std::byte>(n);
    seed[1] = static_cast<std::byte>(n >> 8);
    seed[2] = std::byte{42};
    return crypto::private_key::from_seed(seed);
}

std::uint64_t number_of(const gossipsub::message& m) {
    std::uint64_t out = 0;
    for (const auto b : m.seqno)
        out = out << 8 | to_u8(b);
    return out;
}

}  // namespace

mesh_world::site::site(crypto::private_key own, std::uint64_t seqno, steady_time now, rng& random,
                       const presence::roster_options& o)
    : key(std::move(own)),
      id(key.public_key()),
      router(key, seqno, random()),
      announcer(now, random()),
      roster(now, id, random(), o) {}

mesh_world::mesh_world(mesh_options o, std::uint64_t seed) : options_(std::move(o)), random_(seed) {
    constexpr std::chrono::nanoseconds today = std::chrono::hours{24 * 365 * 56};
    for (std::size_t n = 0; n < options_.nodes; ++n) {
        const auto start = static_cast<std::uint64_t>((today + options_.clock_error(n)).count());
        sites_.push_back(std::make_unique<site>(key_of(n), start, now_, random_, options_.roster));
        auto& s = *sites_.back();
        index_.emplace(s.id, n);
        if (n < options_.writers) {
            s.folder = std::make_unique<temp_dir>();
            s.replica = std::make_unique<crdt::replica>(*s.folder / "mesh.db");
            s.reader = std::make_unique<crdt::reader>(*s.folder / "mesh.db");
        } else {
            s.replica = std::make_unique<crdt::replica>(":memory:");
        }
        s.router.subscribe(now_, state_topic);
        if (options_.with_presence)
            s.router.subscribe(now_, presence::topic);
    }
    // A ring, so that nobody is left out, and others at random.
    for (std::size_t n = 0; n < options_.nodes; ++n)
        for (std::size_t i = 0; i < options_.dials; ++i) {
            const auto to = i == 0 ? (n + 1) % options_.nodes : random_() % options_.nodes;
            if (to == n)
                continue;
            auto& l = link_of(n, to);
            const auto spread = (options_.delay_max - options_.delay_min).count() + 1;
            l.delay = options_.delay_min +
                      std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(spread));
        }
    heal();
}

void mesh_world::after(steady_time::duration time, std::function<void()> what) {
    queue_.push({now_ + time, events_++, std::move(what)});
}

void mesh_world::run_for(steady_time::duration time) {
    run_until([] { return false; }, time);
}

bool mesh_world::run_until(const std::function<bool()>& holds, steady_time::duration time) {
    const auto end = now_ + time;
    auto look_at = now_;
    while (!queue_.empty() && queue_.top().at <= end) {
        if (queue_.top().at >= look_at) {
            if (holds())
                return true;
            look_at = queue_.top().at + std::chrono::milliseconds(50);
        }
        const auto next = queue_.top();
        queue_.pop();
        now_ = next.at;
        next.what();
    }
    now_ = end;
    return holds();
}

/// Does what a node's cores want done now, and comes back when they want it.
void mesh_world::act(std::size_t n) {
    auto& s = *sites_[n];
    if (s.router.deadline() <= now_)
        s.router.tick(now_);
    if (s.announcer.deadline() <= now_) {
        std::vector<crdt::cid> heads;
        for (const auto& h : s.replica->heads())
            heads.push_back(h.id);
        if (const auto due = s.announcer.due(now_, heads); !due.empty())
            (void)s.router.publish(now_, state_topic, crdt::encode_broadcast(due));
    }
    if (options_.with_presence) {
        s.roster.tick(now_);
        if (const auto b = s.roster.poll(now_))
            (void)s.router.publish(now_, presence::topic, presence::encode(*b));
        s.roster.take_changed();
    }
    while (auto out = s.router.poll()) {
        if (auto* rpc = std::get_if<gossipsub::send_rpc>(&*out))
            send(n, std::move(*rpc));
        else if (const auto* d = std::get_if<gossipsub::deliver>(&*out))
            hear(n, *d);
        else if (const auto* t = std::get_if<gossipsub::peer_topic>(&*out);
                 t && t->is_on && t->topic == presence::topic) {
            s.roster.connected(now_, t->peer);
            s.roster.listener(now_);
        }
    }
    auto due = std::min(s.router.deadline(), s.announcer.deadline());
    if (options_.with_presence)
        due = std::min(due, s.roster.deadline());
    due = std::max(due, now_ + std::chrono::milliseconds(1));
    if (s.timer > due || s.timer <= now_) {
        s.timer = due;
        after(due - now_, [this, n, due] {
            if (sites_[n]->timer == due)
                act(n);
        });
    }
}

void mesh_world::send(std::size_t from, gossipsub::send_rpc rpc) {
    const auto to = index_.at(rpc.to);
    auto& l = link_of(from, to);
    if (!l.up)
        return;
    sites_[from]->sent_bytes += rpc.rpc.size();
    auto& last = last_arrival_[{from, to}];
    last = std::max(last, now_ + l.delay);
    after(last - now_, [this, from, to, generation = l.generation, wire = std::move(rpc.rpc)] {
        const auto& way = link_of(from, to);
        if (!way.up || way.generation != generation)
            return;
        (void)sites_[to]->router.received(now_, sites_[from]->id, wire);
        act(to);
    });
}

void mesh_world::hear(std::size_t n, const gossipsub::deliver& d) {
    auto& s = *sites_[n];
    if (d.message.topic == presence::topic) {
        if (auto b = presence::decode(*d.message.data))
            s.roster.heard(now_, d.author, number_of(d.message), *std::move(b));
        return;
    }
    const auto heads = crdt::decode_broadcast(*d.message.data);
    if (!heads)
        return;
    s.announcer.heard(*heads);
    for (const auto& id : s.replica->unknown(*heads))
        fetch(n, id, index_.at(d.via));
}

/// As bitswap does: who does not have the block yet remembers who wants it.
void mesh_world::fetch(std::size_t n, const crdt::cid& id, std::size_t from) {
    auto& s = *sites_[n];
    if (s.blocks.contains(id) || !s.asked.insert(id).second)
        return;
    const auto& l = link_of(n, from);
    after(l.delay, [this, n, id, from, generation = l.generation] {
        if (!link_of(n, from).up || link_of(n, from).generation != generation) {
            sites_[n]->asked.erase(id);
            return;
        }
        sites_[from]->wanted[id].push_back(n);
        if (sites_[from]->blocks.contains(id))
            give(from, id);
    });
}

void mesh_world::give(std::size_t from, const crdt::cid& id) {
    auto& s = *sites_[from];
    const auto at = s.wanted.find(id);
    if (at == s.wanted.end())
        return;
    for (const auto to : std::exchange(at->second, {})) {
        const auto& l = link_of(from, to);
        after(l.delay, [this, to, id, from, generation = l.generation] {
            auto& taker = *sites_[to];
            taker.asked.erase(id);
            if (!link_of(from, to).up || link_of(from, to).generation != generation ||
                taker.blocks.contains(id))
                return;
            take(to, {{id, *sites_[from]->blocks.at(id)}});
            for (const auto& missing : taker.replica->missing(32))
                fetch(to, missing, from);
            act(to);
        });
    }
    s.wanted.erase(id);
}

void mesh_world::take(std::size_t n, const std::vector<crdt::block>& blocks) {
    auto& s = *sites_[n];
    for (const auto& b : blocks)
        if (s.blocks.try_emplace(b.id, std::make_shared<const bytes>(b.data)).second)
            s.order.push_back(b.id);
    const auto out = s.replica->merge(blocks);
    note(s, out);
    for (const auto& b : blocks)
        give(n, b.id);
    if (out.merged > 0)
        s.announcer.changed(now_);
}

void mesh_world::note(site& s, const crdt::outcome& out) {
    for (const auto& [key, value] : out.changes) {
        if (value)
            s.state[key] = *value;
        else
            s.state.erase(key);
    }
}

void mesh_world::write(std::size_t n, std::vector<std::pair<std::string, std::string>> set,
                       const std::vector<std::string>& erased) {
    auto& s = *sites_[n];
    const auto out = s.replica->write(set, erased).value();
    note(s, out);
    for (const auto& id : out.written) {
        s.blocks[id] = std::make_shared<const bytes>(s.reader->block(id).value());
        s.order.push_back(id);
    }
    if (out.written.empty())
        return;
    s.announcer.changed(now_);
    s.announcer.heard({out.written.back()});
    (void)s.router.publish(now_, state_topic, crdt::encode_broadcast({out.written.back()}));
    act(n);
}

void mesh_world::say(std::size_t n, std::string status) {
    sites_[n]->roster.status_changed(now_, std::move(status));
    act(n);
}

presence::sighting mesh_world::seen(std::size_t by, std::size_t who) const {
    return sites_[by]->roster.find(sites_[who]->id, now_);
}

/// As two nodes of ours do that connect: everything, oldest first, in one stream.
void mesh_world::sync(std::size_t from, std::size_t to) {
    const auto& l = link_of(from, to);
    after(2 * l.delay, [this, from, to, generation = l.generation] {
        if (!link_of(from, to).up || link_of(from, to).generation != generation)
            return;
        std::vector<crdt::block> batch;
        const auto deliver = [&] {
            if (!batch.empty())
                take(to, std::exchange(batch, {}));
        };
        const auto order = sites_[from]->order;
        for (const auto& id : order) {
            if (sites_[to]->blocks.contains(id))
                continue;
            batch.push_back({id, *sites_[from]->blocks.at(id)});
            if (batch.size() == batch_blocks)
                deliver();
        }
        deliver();
        act(to);
    });
}

void mesh_world::set_link(std::size_t a, std::size_t b, bool up) {
    auto& l = link_of(a, b);
    if (l.up == up)
        return;
    l.up = up;
    ++l.generation;
    for (const auto& [self, other] : {std::pair{a, b}, std::pair{b, a}}) {
        auto& s = *sites_[self];
        if (up) {
            s.router.add_peer(now_, sites_[other]->id, gossipsub::peer_kind::gossipsub, self == a);
            sync(other, self);
        } else {
            s.router.remove_peer(sites_[other]->id);
            s.roster.disconnected(now_, sites_[other]->id);
        }
        act(self);
    }
}

void mesh_world::cut(const std::set<std::size_t>& some) {
    for (const auto& [ends, l] : std::map(links_))
        if (some.contains(ends.first) != some.contains(ends.second))
            set_link(ends.first, ends.second, false);
}

void mesh_world::heal() {
    for (const auto& [ends, l] : std::map(links_))
        set_link(ends.first, ends.second, true);
}

bool mesh_world::all_alike() const {
    return std::ranges::all_of(sites_,
                               [&](const auto& s) { return s->state == sites_.front()->state; });
}

}  // namespace dm::sim
