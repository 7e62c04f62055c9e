#include "libp2p/gossipsub/router.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <queue>

#include "base/hex.hpp"

using namespace dm;
using namespace dm::gossipsub;
using namespace std::chrono_literals;

namespace {

crypto::private_key key_of(std::size_t n) {
    std::array<std::byte, crypto::ed25519_seed_size> seed{};
    seed[0] = static_cast<std::byte>(n);
    seed[1] = static_cast<std::byte>(n >> 8);
    seed[2] = std::byte{7};
    return crypto::private_key::from_seed(seed);
}

peer_id id_of_key(const crypto::private_key& key) {
    return peer_id(key.public_key());
}

/// One router and what it has put out, sorted.
struct node {
    explicit node(std::size_t n, router_options o = {})
        : key(key_of(n)), self(key.public_key()), r(key, 1'000'000, n, o) {}

    void drain() {
        while (auto out = r.poll()) {
            if (auto* s = std::get_if<send_rpc>(&*out))
                sent.emplace_back(s->to, *decode_rpc(s->rpc));
            else if (auto* d = std::get_if<deliver>(&*out))
                heard.emplace_back(as_chars(*d->message.data));
            else if (auto* m = std::get_if<misbehaving>(&*out))
                bad.push_back(m->peer);
        }
    }
    void take(const peer_id& from, const rpc& what) {
        EXPECT_TRUE(r.received(now, from, encode_rpc(what)));
        drain();
    }
    /// A peer that has subscribed to "t".
    void add(const peer_id& peer, peer_kind kind = peer_kind::gossipsub, bool is_outgoing = false) {
        r.add_peer(now, peer, kind, is_outgoing);
        take(peer, {.control = {.subscriptions = {{true, "t"}}}, .messages = {}});
    }
    void beat() {
        now = std::max(now + 1ms, r.deadline());
        r.tick(now);
        drain();
    }
    std::size_t sent_to(const peer_id& peer, std::string_view data) const {
        std::size_t out = 0;
        for (const auto& [to, what] : sent)
            for (const auto& m : what.messages)
                out += to == peer && as_chars(*m.data) == data;
        return out;
    }

    crypto::private_key key;
    peer_id self;
    router r;
    steady_time now{1h};
    std::vector<std::pair<peer_id, rpc>> sent;
    std::vector<std::string> heard;
    std::vector<peer_id> bad;
};

rpc carrying(const message& m) {
    return {.control = {}, .messages = {m}};
}

message by(std::size_t n, std::uint64_t seqno, std::string_view text) {
    return make_message(key_of(n), seqno, "t", as_bytes(text));
}

peer_id peer(std::size_t n) {
    return id_of_key(key_of(n));
}

/// Routers over links with latency, on virtual time.
class world {
  public:
    explicit world(std::size_t count, std::uint64_t seed = 1) : random_(seed) {
        for (std::size_t i = 0; i < count; ++i) {
            nodes.push_back(std::make_unique<node>(i + 1));
            by_id_[nodes.back()->self] = i;
        }
    }

    void link(std::size_t a, std::size_t b) {
        nodes[a]->r.add_peer(now, nodes[b]->self, peer_kind::gossipsub, true);
        nodes[b]->r.add_peer(now, nodes[a]->self, peer_kind::gossipsub, false);
        flush(a);
        flush(b);
    }
    void cut(std::size_t a, std::size_t b) {
        nodes[a]->r.remove_peer(nodes[b]->self);
        nodes[b]->r.remove_peer(nodes[a]->self);
    }
    void ring_and_chords(std::size_t chords) {
        const auto n = nodes.size();
        for (std::size_t i = 0; i < n; ++i)
            link(i, (i + 1) % n);
        for (std::size_t i = 0; i < chords; ++i) {
            const auto a = random_() % n;
            const auto b = random_() % n;
            if (a != b)
                link(a, b);
        }
    }
    void subscribe_all() {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            nodes[i]->r.subscribe(now, "t");
            flush(i);
        }
    }
    void publish(std::size_t i, std::string_view text) {
        ASSERT_TRUE(nodes[i]->r.publish(now, "t", as_bytes(text)));
        flush(i);
    }
    void run(std::chrono::milliseconds time) {
        const auto end = now + time;
        for (;;) {
            auto next = end;
            if (!wire_.empty())
                next = std::min(next, wire_.top().at);
            for (const auto& n : nodes)
                next = std::min(next, std::max(now, n->r.deadline()));
            now = next;
            if (now >= end)
                return;
            if (!wire_.empty() && wire_.top().at <= now) {
                const auto p = wire_.top();
                wire_.pop();
                ASSERT_TRUE(nodes[p.to]->r.received(now, nodes[p.from]->self, p.data));
                flush(p.to);
                continue;
            }
            for (std::size_t i = 0; i < nodes.size(); ++i)
                if (nodes[i]->r.deadline() <= now) {
                    nodes[i]->r.tick(now);
                    flush(i);
                }
        }
    }
    std::size_t heard(std::string_view text) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            nodes, [&](const auto& n) { return std::ranges::count(n->heard, text) == 1; }));
    }

    std::vector<std::unique_ptr<node>> nodes;
    steady_time now{1h};
    double loss = 0;
    std::size_t bytes_sent = 0;

  private:
    struct packet {
        steady_time at;
        std::uint64_t order;
        std::size_t from;
        std::size_t to;
        bytes data;
        bool operator<(const packet& o) const {
            return std::tie(o.at, o.order) < std::tie(at, order);
        }
    };

    void flush(std::size_t i) {
        while (auto out = nodes[i]->r.poll()) {
            if (auto* d = std::get_if<deliver>(&*out))
                nodes[i]->heard.emplace_back(as_chars(*d->message.data));
            auto* s = std::get_if<send_rpc>(&*out);
            if (!s)
                continue;
            bytes_sent += s->rpc.size();
            const bool has_messages = !decode_rpc(s->rpc)->messages.empty();
            if (has_messages && static_cast<double>(random_() % 1000) < loss * 1000)
                continue;
            const auto to = by_id_.at(s->to);
            auto& at = last_[{i, to}];
            at = std::max(at, now + std::chrono::milliseconds(5 + random_() % 40));
            wire_.push({at, ++order_, i, to, std::move(s->rpc)});
        }
    }

    rng random_;
    std::map<peer_id, std::size_t> by_id_;
    std::map<std::pair<std::size_t, std::size_t>, steady_time> last_;
    std::priority_queue<packet> wire_;
    std::uint64_t order_ = 0;
};

}  // namespace

TEST(gossipsub, greets_with_its_subscriptions) {
    node n(1);
    n.r.subscribe(n.now, "test");
    n.r.add_peer(n.now, peer(2), peer_kind::gossipsub, true);
    const auto hello = n.r.poll();
    ASSERT_TRUE(hello);
    EXPECT_EQ(to_hex(std::get<send_rpc>(*hello).rpc), "0a080801120474657374");
    EXPECT_FALSE(n.r.poll());
}

TEST(gossipsub, grafts_those_who_subscribe_and_forwards_to_them_only) {
    node n(1);
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    n.add(peer(3));
    n.r.add_peer(n.now, peer(4), peer_kind::gossipsub, false);
    EXPECT_EQ(n.r.mesh_of("t").size(), 2u);
    n.take(peer(2), carrying(by(9, 1, "hi")));
    EXPECT_EQ(n.heard, std::vector<std::string>{"hi"});
    EXPECT_EQ(n.sent_to(peer(2), "hi"), 0u) << "it has sent it";
    EXPECT_EQ(n.sent_to(peer(3), "hi"), 1u);
    EXPECT_EQ(n.sent_to(peer(4), "hi"), 0u) << "not subscribed";
    n.take(peer(3), carrying(by(9, 1, "hi")));
    EXPECT_EQ(n.heard.size(), 1u) << "known already";
    n.take(peer(2), carrying(by(3, 1, "own")));
    EXPECT_EQ(n.sent_to(peer(3), "own"), 0u) << "it is the author";
}

TEST(gossipsub, floodsub_peers_get_everything_and_are_never_grafted) {
    node n(1);
    n.r.subscribe(n.now, "t");
    n.add(peer(2), peer_kind::floodsub);
    n.add(peer(3));
    EXPECT_EQ(n.r.mesh_of("t"), std::vector{peer(3)});
    n.take(peer(3), carrying(by(9, 1, "hi")));
    EXPECT_EQ(n.sent_to(peer(2), "hi"), 1u);
    ASSERT_TRUE(n.r.publish(n.now, "t", as_bytes("mine")));
    n.drain();
    EXPECT_EQ(n.sent_to(peer(2), "mine"), 1u);
    EXPECT_EQ(n.sent_to(peer(3), "mine"), 1u);
}

TEST(gossipsub, forged_and_invalid_messages_go_no_further) {
    node n(1);
    n.r.subscribe(n.now, "t", [](const message& m) { return as_chars(*m.data) != "nonsense"; });
    n.add(peer(2));
    n.add(peer(3));
    auto forged = by(9, 1, "true");
    forged.data = to_bytes("false");
    n.take(peer(2), carrying(forged));
    n.take(peer(2), carrying(by(9, 2, "nonsense")));
    EXPECT_TRUE(n.heard.empty());
    EXPECT_EQ(n.sent_to(peer(3), "false") + n.sent_to(peer(3), "nonsense"), 0u);
    n.take(peer(2), carrying(by(9, 1, "true")));
    EXPECT_EQ(n.heard, std::vector<std::string>{"true"}) << "the forged copy does not hide it";
    EXPECT_EQ(n.r.counts().forged, 1u);
    EXPECT_EQ(n.r.counts().rejected, 1u);
    EXPECT_TRUE(n.bad.empty());
}

TEST(gossipsub, of_a_shunned_author_nothing_is_heard_or_forwarded) {
    node a(1);
    const auto via = id_of_key(key_of(2));
    const auto next = id_of_key(key_of(3));
    a.r.subscribe(a.now, "t");
    a.add(via);
    a.add(next, peer_kind::floodsub);
    a.r.shun(id_of_key(key_of(9)));
    a.take(via, carrying(by(9, 1, "shunned")));
    a.take(via, carrying(by(8, 1, "another")));
    a.r.hear_again(id_of_key(key_of(9)));
    a.take(via, carrying(by(9, 2, "again")));
    EXPECT_EQ(a.heard, (std::vector<std::string>{"another", "again"}));
    EXPECT_EQ(a.sent_to(next, "shunned"), 0u);
    EXPECT_EQ(a.sent_to(next, "again"), 1u);
}

TEST(gossipsub, who_forges_often_is_named) {
    node n(1);
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    auto forged = by(9, 1, "x");
    forged.signature.back() ^= std::byte{1};
    for (std::size_t i = 0; i < router_options{}.forged_max; ++i)
        n.take(peer(2), carrying(forged));
    EXPECT_EQ(n.bad, std::vector{peer(2)});
}

TEST(gossipsub, takes_no_more_of_a_peer_than_its_rate_allows) {
    node n(1, {.messages_per_second = 10, .messages_burst = 20});
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    for (std::uint64_t i = 0; i < 30; ++i)
        n.take(peer(2), carrying(by(9, i, std::to_string(i))));
    EXPECT_EQ(n.heard.size(), 20u);
    EXPECT_EQ(n.r.counts().over_rate, 10u);
    n.now += 1s;
    for (std::uint64_t i = 100; i < 130; ++i)
        n.take(peer(2), carrying(by(9, i, std::to_string(i))));
    EXPECT_EQ(n.heard.size(), 30u);
}

TEST(gossipsub, a_peer_over_its_bytes_is_heard_of_its_subscriptions_only) {
    node n(1, {.bytes_per_second = 1'000, .bytes_burst = 1'000});
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    n.take(peer(2), carrying(by(9, 1, std::string(1'000, 'x'))));
    EXPECT_TRUE(n.heard.empty());
    auto last = carrying(by(9, 2, std::string(1'000, 'x')));
    last.control.subscriptions.push_back({false, "t"});
    n.take(peer(2), last);
    EXPECT_TRUE(n.heard.empty());
    EXPECT_TRUE(n.r.peers_in("t").empty());
}

TEST(gossipsub, a_prune_is_honoured_until_its_backoff_is_over) {
    node n(1);
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    ASSERT_EQ(n.r.mesh_of("t").size(), 1u);
    const auto pruned = n.now;
    n.take(peer(2), {.control = {.prunes = {{"t", 30s}}}, .messages = {}});
    n.sent.clear();
    while (n.r.mesh_of("t").empty() && n.now < pruned + 2min)
        n.beat();
    EXPECT_GE(n.now - pruned, 30s);
    EXPECT_LE(n.now - pruned, 33s);
}

TEST(gossipsub, a_graft_within_the_backoff_is_refused) {
    node n(1);
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    n.take(peer(2), {.control = {.prunes = {{"t", 30s}}}, .messages = {}});
    n.sent.clear();
    n.take(peer(2), {.control = {.grafts = {"t"}}, .messages = {}});
    ASSERT_EQ(n.sent.size(), 1u);
    EXPECT_EQ(n.sent[0].second.control.prunes, (std::vector{prune{"t", 60s}}));
    EXPECT_TRUE(n.r.mesh_of("t").empty());
}

TEST(gossipsub, a_mesh_has_an_upper_bound_for_those_who_dial_us) {
    node n(1);
    n.r.subscribe(n.now, "t");
    for (std::size_t i = 2; i < 40; ++i) {
        n.add(peer(i));
        n.take(peer(i), {.control = {.grafts = {"t"}}, .messages = {}});
    }
    EXPECT_EQ(n.r.mesh_of("t").size(), router_options{}.degree_high);
    n.add(peer(50), peer_kind::gossipsub, true);
    n.take(peer(50), {.control = {.grafts = {"t"}}, .messages = {}});
    EXPECT_EQ(n.r.mesh_of("t").size(), router_options{}.degree_high + 1);
    n.beat();
    const auto mesh = n.r.mesh_of("t");
    EXPECT_EQ(mesh.size(), router_options{}.degree);
    EXPECT_TRUE(std::ranges::count(mesh, peer(50))) << "one that we have dialled stays";
}

TEST(gossipsub, tells_others_what_it_has_and_gives_it_a_few_times) {
    node n(1, {.degree = 1, .degree_low = 1, .degree_outgoing = 0});
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    n.add(peer(3));
    ASSERT_EQ(n.r.mesh_of("t"), std::vector{peer(2)});
    n.take(peer(2), carrying(by(9, 1, "hi")));
    n.sent.clear();
    n.beat();
    ASSERT_EQ(n.sent.size(), 1u);
    EXPECT_EQ(n.sent[0].first, peer(3));
    const auto id = id_of(by(9, 1, "hi"));
    EXPECT_EQ(n.sent[0].second.control.haves, (std::vector{ihave{"t", {id}}}));
    for (int i = 0; i < 5; ++i)
        n.take(peer(3), {.control = {.wants = {id}}, .messages = {}});
    EXPECT_EQ(n.sent_to(peer(3), "hi"), router_options{}.retransmissions);
    for (std::size_t i = 0; i < router_options{}.history; ++i)
        n.beat();
    n.sent.clear();
    n.take(peer(2), {.control = {.wants = {id}}, .messages = {}});
    EXPECT_TRUE(n.sent.empty()) << "forgotten by now";
}

TEST(gossipsub, asks_one_peer_at_a_time_for_what_it_has_not_seen) {
    node n(1);
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    n.add(peer(3));
    n.sent.clear();
    const rpc have{.control = {.haves = {{"t", {"unknown"}}, {"other", {"x"}}}}, .messages = {}};
    n.take(peer(2), have);
    n.take(peer(3), have);
    ASSERT_EQ(n.sent.size(), 1u);
    EXPECT_EQ(n.sent[0].second.control.wants, std::vector<message_id>{"unknown"});
    for (int i = 0; i < 4; ++i)
        n.beat();
    n.take(peer(3), have);
    EXPECT_EQ(n.sent.back().first, peer(3)) << "the first one kept it waiting";
}

TEST(gossipsub, bounds_what_it_asks_a_peer_for) {
    node n(1, {.asked_of_peer_max = 10, .asked_max = 15});
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    n.add(peer(3));
    ihave have{"t", {}};
    for (int i = 0; i < 20; ++i)
        have.ids.push_back("id" + std::to_string(i));
    n.sent.clear();
    n.take(peer(2), {.control = {.haves = {have}}, .messages = {}});
    EXPECT_EQ(n.sent.back().second.control.wants.size(), 10u);
    n.take(peer(3), {.control = {.haves = {have}}, .messages = {}});
    EXPECT_EQ(n.sent.back().second.control.wants.size(), 5u);
}

TEST(gossipsub, large_rpcs_are_split) {
    node n(1);
    n.add(peer(2));
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(n.r.publish(n.now, "t", bytes(600 * 1024)));
    std::size_t rpcs = 0;
    while (const auto out = n.r.poll()) {
        EXPECT_LE(std::get<send_rpc>(*out).rpc.size(), rpc_bytes_max);
        ++rpcs;
    }
    EXPECT_EQ(rpcs, 3u);
    EXPECT_TRUE(n.r.publish(n.now, "t", bytes(data_bytes_max)));
    EXPECT_LE(std::get<send_rpc>(*n.r.poll()).rpc.size(), rpc_bytes_max);
    EXPECT_EQ(n.r.publish(n.now, "t", bytes(data_bytes_max + 1)).error().code,
              make_error_code(errc::too_large));
}

TEST(gossipsub, leaving_prunes_and_unsubscribes) {
    node n(1);
    n.r.subscribe(n.now, "t");
    n.add(peer(2));
    n.sent.clear();
    n.r.unsubscribe(n.now, "t");
    n.drain();
    ASSERT_EQ(n.sent.size(), 1u);
    EXPECT_EQ(n.sent[0].second.control.prunes, (std::vector{prune{"t", 10s}}));
    EXPECT_EQ(n.sent[0].second.control.subscriptions, (std::vector{subscription{false, "t"}}));
}

TEST(gossipsub, bounds_topics_of_a_peer_and_what_was_seen) {
    node n(1, {.peer_topics_max = 3});
    rpc many;
    for (int i = 0; i < 5; ++i)
        many.control.subscriptions.push_back({true, "topic " + std::to_string(i)});
    n.take(peer(2), many);
    EXPECT_EQ(n.r.peers_in("topic 2").size(), 1u);
    EXPECT_TRUE(n.r.peers_in("topic 3").empty());

    seen_cache seen(120s, 3);
    for (const auto* id : {"a", "b", "c", "d"})
        EXPECT_TRUE(seen.insert(n.now, id));
    EXPECT_EQ(seen.size(), 3u);
    EXPECT_FALSE(seen.contains("a"));
    seen.expire(n.now + 120s);
    EXPECT_EQ(seen.size(), 0u);

    message_cache cache(5, 3, 100);
    for (const auto* id : {"a", "b", "c"})
        cache.put(id, "t", std::make_shared<const bytes>(40));
    EXPECT_EQ(cache.size(), 2u);
    EXPECT_EQ(cache.size_bytes(), 80u);
}

TEST(gossipsub, backoffs_of_a_topic_are_bounded) {
    node n(1, {.backoffs_max = 2});
    n.r.subscribe(n.now, "t");
    for (std::size_t i = 2; i < 5; ++i) {
        n.add(peer(i));
        n.take(peer(i), {.control = {.prunes = {{"t", {}}}}, .messages = {}});
    }
    n.beat();
    EXPECT_EQ(n.r.mesh_of("t"), std::vector{peer(4)}) << "the one that was not noted";
}

TEST(gossipsub, fifty_nodes_hear_each_message_exactly_once) {
    world w(50);
    w.ring_and_chords(150);
    w.subscribe_all();
    w.run(3s);
    for (int i = 0; i < 20; ++i) {
        w.publish(static_cast<std::size_t>(i * 7 % 50), "m" + std::to_string(i));
        w.run(50ms);
    }
    w.run(2s);
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(w.heard("m" + std::to_string(i)), 49u) << i;
}

TEST(gossipsub, gossip_makes_up_for_lost_messages) {
    world w(40);
    w.ring_and_chords(120);
    w.subscribe_all();
    w.run(3s);
    w.loss = 0.3;
    for (int i = 0; i < 10; ++i) {
        w.publish(static_cast<std::size_t>(i), "m" + std::to_string(i));
        w.run(100ms);
    }
    w.run(8s);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(w.heard("m" + std::to_string(i)), 39u) << i;
}

TEST(gossipsub, a_third_of_the_nodes_may_go) {
    world w(45);
    w.ring_and_chords(180);
    w.subscribe_all();
    w.run(3s);
    for (std::size_t gone = 0; gone < 45; gone += 3)
        for (std::size_t other = 0; other < 45; ++other)
            if (other != gone)
                w.cut(gone, other);
    w.run(3s);
    w.publish(1, "still here");
    w.run(3s);
    EXPECT_EQ(w.heard("still here"), 29u);
}

TEST(gossipsub, an_idle_mesh_says_next_to_nothing) {
    world w(50);
    w.ring_and_chords(200);
    w.subscribe_all();
    w.run(5s);
    w.bytes_sent = 0;
    w.run(60s);
    EXPECT_LE(w.bytes_sent, 50u * 60u * 10u) << "10 bytes a second and node";
}
