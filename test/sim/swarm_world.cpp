#include "swarm_world.hpp"

#include <algorithm>
#include <variant>

#include "content/swarm/mix.hpp"

namespace dm::sim {
namespace {

using namespace swarm;
using seconds = std::chrono::duration<double>;

constexpr std::uint32_t none = UINT32_MAX;

struct have_message {
    std::vector<std::uint32_t> leaves;
};
struct refuse_message {
    std::uint32_t leaf;
};
struct no_more_message {};
struct ask_message {
    std::uint32_t leaf;
};
struct ask_any_message {
    std::optional<std::uint32_t> from;
};
struct cancel_message {
    std::uint32_t leaf;
};
struct chosen_message {
    std::uint32_t leaf;
};
using message = std::variant<have_message, refuse_message, no_more_message, ask_message,
                             ask_any_message, cancel_message, chosen_message>;

struct frame {
    std::uint32_t from, to;
    std::uint32_t leaf;
    std::uint32_t bytes;
    bool last;
};

struct connection {
    std::uint32_t to = 0;
    peer_no no = 0;
    seconds delay{0};
    std::uint64_t on_the_way = 0;
    bool up = false;
};

struct sending {
    std::uint32_t to;
    leaf_ref leaf;
    std::uint32_t rest;
};

struct node {
    node_spec spec;
    std::unique_ptr<holdings> who_has;
    std::unique_ptr<scheduler> fetch;
    std::unique_ptr<uploader> serve;
    std::vector<connection> links;
    std::vector<std::uint32_t> place;    // in links, by node
    std::vector<std::uint32_t> node_of;  // by peer

    connection& link(std::uint32_t to) { return links[place[to]]; }
    blob_no blob = 0;
    bool up = false;
    bool up_busy = false;
    steady_time up_free{}, down_free{};
    std::vector<sending> active;
    std::size_t turn = 0;
    std::vector<std::uint32_t> news;
    bool flush_due = false;
    steady_time tick_due = steady_time::max();
    steady_time slow_due = steady_time::max();
    std::uint64_t generation = 0;
};

enum class kind : std::uint8_t {
    join,
    leave,
    sent_frame,
    frame_arrives,
    frame_delivered,
    frame_acknowledged,
    message_arrives,
    message_delivered,
    flush,
    tick,
    slow
};

struct event {
    steady_time at;
    std::uint64_t order;
    kind what;
    std::uint32_t node;
    std::uint32_t other = 0;
    frame data{};
    std::shared_ptr<message> text{};
    std::uint64_t generation = 0;
    friend bool operator>(const event& a, const event& b) {
        return std::tie(a.at, a.order) > std::tie(b.at, b.order);
    }
};

class world {
  public:
    world(const std::vector<node_spec>& specs, const world_options& o, std::uint64_t seed)
        : options_(o), seed_(seed), random_(seed) {
        nodes_.resize(specs.size());
        for (std::size_t i = 0; i < specs.size(); ++i)
            nodes_[i].spec = specs[i];
        connect();
        out_.finished.assign(specs.size(), -1);
        for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
            auto& n = nodes_[i];
            n.who_has = std::make_unique<holdings>();
            leaf_set mine(leaf_count(options_.blob_bytes));
            if (n.spec.source || n.spec.does != conduct::honest)
                mine.set_all();
            n.blob = n.who_has->add_blob(options_.blob_bytes, std::move(mine),
                                         n.spec.source ? role::source : role::partner);
            if (n.spec.source || n.spec.does != conduct::honest)
                out_.finished[i] = 0;
            at(start_ + time(n.spec.joins), kind::join, i);
            if (n.spec.leaves.count() >= 0)
                at(start_ + time(n.spec.leaves), kind::leave, i);
            if (n.spec.returns.count() >= 0)
                at(start_ + time(n.spec.returns), kind::join, i);
        }
    }

    world_result run() {
        while (!events_.empty()) {
            const auto e = events_.top();
            events_.pop();
            now_ = e.at;
            if (now_ - start_ > options_.time_max)
                break;
            ++out_.events;
            trace(static_cast<std::uint64_t>(e.what), e.node, e.other, e.data.leaf);
            handle(e);
            if (all_done())
                break;
        }
        for (const auto t : out_.finished)
            out_.last = std::max(out_.last, t);
        return out_;
    }

  private:
    static steady_time::duration time(seconds s) {
        return std::chrono::duration_cast<steady_time::duration>(s);
    }
    template <class... T>
    void trace(T... values) {
        ((out_.trace = mix(out_.trace ^ static_cast<std::uint64_t>(values)) + 0x9e3779b97f4a7c15u),
         ...);
        out_.trace ^= static_cast<std::uint64_t>(now_.time_since_epoch().count());
    }

    void at(steady_time t, kind what, std::uint32_t n, std::uint32_t other = 0, frame f = {},
            std::shared_ptr<message> m = {}) {
        events_.push({t, order_++, what, n, other, f, std::move(m), nodes_[n].generation});
    }

    void connect() {
        const auto n = static_cast<std::uint32_t>(nodes_.size());
        std::uniform_real_distribution<double> delay(options_.delay_min.count(),
                                                     options_.delay_max.count());
        const auto link = [&](std::uint32_t a, std::uint32_t b) {
            const seconds d{delay(random_)};
            add_link(a, b, d);
            add_link(b, a, d);
        };
        if (options_.neighbours + 1 >= n) {
            for (std::uint32_t a = 0; a < n; ++a)
                for (std::uint32_t b = a + 1; b < n; ++b)
                    link(a, b);
            return;
        }
        std::uniform_int_distribution<std::uint32_t> any(0, n - 1);
        for (std::uint32_t a = 0; a < n; ++a)
            for (int tries = 0; nodes_[a].links.size() < options_.neighbours && tries < 1000;
                 ++tries) {
                const auto b = any(random_);
                if (b != a && !linked(a, b) && nodes_[b].links.size() < options_.neighbours)
                    link(a, b);
            }
    }

    void add_link(std::uint32_t from, std::uint32_t to, seconds delay) {
        auto& n = nodes_[from];
        n.place.resize(nodes_.size(), none);
        n.place[to] = static_cast<std::uint32_t>(n.links.size());
        n.links.push_back({.to = to, .delay = delay});
    }
    bool linked(std::uint32_t a, std::uint32_t b) const {
        return b < nodes_[a].place.size() && nodes_[a].place[b] != none;
    }

    bool all_done() const {
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            if (out_.finished[i] < 0 && (nodes_[i].up || nodes_[i].spec.returns.count() >= 0 ||
                                         nodes_[i].spec.leaves.count() < 0))
                return false;
        return true;
    }

    void handle(const event& e) {
        auto& n = nodes_[e.node];
        switch (e.what) {
            case kind::join:
                return join(e.node);
            case kind::leave:
                return leave(e.node);
            case kind::sent_frame:
                if (e.generation != n.generation)
                    return;
                n.up_busy = false;
                return pump(e.node);
            case kind::frame_arrives: {
                n.down_free =
                    std::max(now_, n.down_free) + time(seconds(e.data.bytes / n.spec.down_bytes));
                return at(n.down_free, kind::frame_delivered, e.node, e.other, e.data);
            }
            case kind::frame_delivered:
                return deliver(e.node, e.data);
            case kind::frame_acknowledged:
                n.link(e.other).on_the_way -=
                    std::min<std::uint64_t>(n.link(e.other).on_the_way, e.data.bytes);
                return pump(e.node);
            case kind::message_arrives:
                return at(std::max(now_, n.down_free), kind::message_delivered, e.node, e.other, {},
                          e.text);
            case kind::message_delivered:
                if (n.up && n.link(e.other).up)
                    receive(e.node, e.other, *e.text);
                return;
            case kind::flush:
                n.flush_due = false;
                return flush(e.node);
            case kind::tick:
                if (e.generation != n.generation)
                    return;
                n.tick_due = steady_time::max();
                n.fetch->tick(now_);
                return act(e.node);
            case kind::slow:
                n.slow_due = steady_time::max();
                return pump(e.node);
        }
    }

    void join(std::uint32_t i) {
        auto& n = nodes_[i];
        n.up = true;
        ++n.generation;
        n.up_busy = false;
        n.fetch =
            std::make_unique<scheduler>(*n.who_has, mix(seed_ * 1000 + i), options_.scheduling);
        n.serve = std::make_unique<uploader>(*n.who_has, mix(seed_ * 1000 + i), options_.uploading);
        if (!n.who_has->mine(n.blob).full())
            n.fetch->want(now_, n.blob);
        for (auto& c : n.links)
            if (const auto other = c.to; nodes_[other].up) {
                introduce(i, other);
                introduce(other, i);
                c.up = nodes_[other].link(i).up = true;
                tell(i, other);
                tell(other, i);
            }
        act(i);
    }

    void introduce(std::uint32_t to, std::uint32_t whom) {
        auto& n = nodes_[to];
        auto& c = n.link(whom);
        c.no = n.who_has->add_peer();
        c.on_the_way = 0;
        n.node_of.resize(std::max<std::size_t>(n.node_of.size(), c.no + 1));
        n.node_of[c.no] = whom;
        n.fetch->peer_joined(now_, c.no);
        n.who_has->peer_has(c.no, n.blob, leaf_set(n.who_has->mine(n.blob).size()),
                            nodes_[whom].spec.source ? role::source : role::partner);
        if (nodes_[whom].spec.source && nodes_[whom].serve->directs(nodes_[whom].blob))
            n.fetch->directs(now_, c.no, n.blob, true);
    }

    void tell(std::uint32_t from, std::uint32_t to) {
        have_message m;
        const auto& mine = nodes_[from].who_has->mine(nodes_[from].blob);
        for (std::size_t w = 0; w < mine.words(); ++w)
            for_each_leaf(mine.word(w), w, [&](std::uint32_t l) { m.leaves.push_back(l); });
        post(from, to, std::move(m));
    }

    void leave(std::uint32_t i) {
        auto& n = nodes_[i];
        n.up = false;
        ++n.generation;
        n.active.clear();
        for (auto& c : n.links)
            if (const auto other = c.to; c.up) {
                disconnect(i, other);
                disconnect(other, i);
                act(other);
            }
    }

    void disconnect(std::uint32_t i, std::uint32_t from) {
        auto& n = nodes_[i];
        auto& c = n.link(from);
        c.up = false;
        n.who_has->remove_peer(c.no);
        n.fetch->peer_left(now_, c.no);
        n.serve->peer_left(c.no);
        std::erase_if(n.active, [&](const sending& s) { return s.to == from; });
    }

    void cut_off(std::uint32_t i, std::uint32_t bad) {
        ++out_.drops;
        disconnect(i, bad);
        disconnect(bad, i);
    }

    void post(std::uint32_t from, std::uint32_t to, message m) {
        auto& n = nodes_[from];
        at(std::max(now_, n.up_free) + time(n.link(to).delay), kind::message_arrives, to, from, {},
           std::make_shared<message>(std::move(m)));
    }

    void act(std::uint32_t i) {
        auto& n = nodes_[i];
        if (!n.up)
            return;
        while (const auto a = n.fetch->poll()) {
            if (const auto* x = std::get_if<ask>(&*a))
                post(i, n.node_of[x->peer], ask_message{x->leaf.leaf});
            else if (const auto* y = std::get_if<ask_any>(&*a))
                post(i, n.node_of[y->peer], ask_any_message{y->from});
            else if (const auto* z = std::get_if<cancel>(&*a))
                post(i, n.node_of[z->peer], cancel_message{z->leaf.leaf});
            else
                cut_off(i, n.node_of[std::get<drop>(*a).peer]);
        }
        if (n.fetch->deadline() < n.tick_due) {
            n.tick_due = std::max(now_, n.fetch->deadline());
            at(n.tick_due, kind::tick, i);
        }
        pump(i);
    }

    void pump(std::uint32_t i) {
        auto& n = nodes_[i];
        if (!n.up)
            return;
        while (const auto s = n.serve->next(now_)) {
            if (n.spec.does == conduct::silent)
                continue;
            const auto to = n.node_of[s->peer];
            if (s->chosen)
                post(i, to, chosen_message{s->leaf.leaf});
            n.active.push_back({to, s->leaf, n.who_has->leaf_size(s->leaf)});
        }
        while (const auto e = n.serve->poll()) {
            if (const auto* x = std::get_if<refuse>(&*e))
                post(i, n.node_of[x->peer], refuse_message{x->leaf.leaf});
            else
                post(i, n.node_of[std::get<no_more>(*e).peer], no_more_message{});
        }
        if (n.serve->deadline(now_) < n.slow_due) {
            n.slow_due = n.serve->deadline(now_);
            at(n.slow_due, kind::slow, i);
        }
        send_frame(i);
    }

    void send_frame(std::uint32_t i) {
        auto& n = nodes_[i];
        if (n.up_busy)
            return;
        for (std::size_t k = 0; k < n.active.size(); ++k) {
            auto& s = n.active[(n.turn + k) % n.active.size()];
            auto& c = n.link(s.to);
            const auto size = std::min(options_.frame_bytes, s.rest);
            if (c.on_the_way + size > options_.window_bytes)
                continue;
            n.turn = (n.turn + k + 1) % n.active.size();
            s.rest -= size;
            c.on_the_way += size;
            n.up_busy = true;
            n.up_free = now_ + time(seconds(size / n.spec.up_bytes));
            const frame f{i, s.to, s.leaf.leaf, size, s.rest == 0};
            at(n.up_free + time(c.delay), kind::frame_arrives, s.to, i, f);
            at(n.up_free, kind::sent_frame, i);
            if (n.spec.source)
                out_.source_bytes += size;
            if (s.rest == 0) {
                const auto done = s;
                std::erase_if(n.active, [&](const sending& x) {
                    return x.to == done.to && x.leaf == done.leaf;
                });
                n.serve->sent(now_, c.no, done.leaf);
                pump(i);
            }
            return;
        }
    }

    void deliver(std::uint32_t i, const frame& f) {
        auto& n = nodes_[i];
        auto& c = n.link(f.from);
        at(now_ + time(c.delay), kind::frame_acknowledged, f.from, i, f);
        if (!n.up || !c.up)
            return;
        out_.received_bytes += f.bytes;
        const leaf_ref leaf{n.blob, f.leaf};
        if (n.who_has->mine(n.blob).test(f.leaf))
            out_.duplicate_bytes += f.bytes;
        n.fetch->progress(now_, c.no, leaf, f.bytes);
        if (nodes_[f.from].spec.does == conduct::lying) {
            out_.wrong_bytes += f.bytes;
            if (f.last)
                n.fetch->received_wrong(now_, c.no, leaf);
        } else if (f.last) {
            if (n.who_has->gained(leaf)) {
                n.news.push_back(f.leaf);
                if (!n.flush_due) {
                    n.flush_due = true;
                    at(now_ + time(options_.batch), kind::flush, i);
                }
            }
            n.fetch->received(now_, c.no, leaf);
            if (n.who_has->mine(n.blob).full() && out_.finished[i] < 0) {
                out_.finished[i] = seconds(now_ - start_).count();
                n.fetch->unwant(now_, n.blob);
            }
        }
        act(i);
    }

    void flush(std::uint32_t i) {
        auto& n = nodes_[i];
        if (!n.up)
            return;
        for (const auto& c : n.links)
            if (c.up)
                post(i, c.to, have_message{n.news});
        n.news.clear();
    }

    void receive(std::uint32_t i, std::uint32_t from, const message& m) {
        auto& n = nodes_[i];
        const auto peer = n.link(from).no;
        if (const auto* have = std::get_if<have_message>(&m)) {
            bool news = false;
            for (const auto l : have->leaves)
                news |= n.who_has->peer_gained(peer, {n.blob, l});
            if (news)
                n.fetch->peer_gained(now_, peer);
        } else if (const auto* refused = std::get_if<refuse_message>(&m)) {
            n.fetch->refused(now_, peer, {n.blob, refused->leaf});
        } else if (std::holds_alternative<no_more_message>(m)) {
            n.fetch->directs(now_, peer, n.blob, false);
        } else if (const auto* asked = std::get_if<ask_message>(&m)) {
            n.serve->asked(now_, peer, {n.blob, asked->leaf});
        } else if (const auto* any = std::get_if<ask_any_message>(&m)) {
            n.serve->asked_any(now_, peer, n.blob, any->from);
        } else if (const auto* c = std::get_if<cancel_message>(&m)) {
            n.serve->cancelled(peer, {n.blob, c->leaf});
        } else if (const auto* chosen = std::get_if<chosen_message>(&m)) {
            n.fetch->chosen(now_, peer, {n.blob, chosen->leaf});
        }
        act(i);
    }

    world_options options_;
    std::uint64_t seed_;
    rng random_;
    std::vector<node> nodes_;
    std::priority_queue<event, std::vector<event>, std::greater<>> events_;
    std::uint64_t order_ = 0;
    steady_time start_{};
    steady_time now_{};
    world_result out_;
};

}  // namespace

world_result run_world(const std::vector<node_spec>& nodes, const world_options& options,
                       std::uint64_t seed) {
    return world(nodes, options, seed).run();
}

}  // namespace dm::sim
