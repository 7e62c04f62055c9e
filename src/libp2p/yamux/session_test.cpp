#include "libp2p/yamux/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/rng.hpp"

using namespace dm;
using namespace std::chrono_literals;
using yamux::errc;
using yamux::frame_type;
using yamux::role;
using kind = yamux::event::kind;

namespace {

const steady_time start_time{1000s};

/// A session with everything that it says in order.
struct end {
    end(role r, yamux::options o = {}) : s(r, budget, o, start_time) {}

    yamux::window_budget budget;
    yamux::session s;
    steady_time now = start_time;

    bytes take(std::size_t max = 100'000) {
        bytes out(max);
        out.resize(s.fill(out));
        return out;
    }
    std::vector<yamux::event> events() {
        std::vector<yamux::event> out;
        while (const auto e = s.poll())
            out.push_back(*e);
        return out;
    }
    std::string read(yamux::stream_id id, std::size_t max = 1 << 20) {
        std::string out(max, '\0');
        out.resize(s.read(now, id, std::as_writable_bytes(std::span{out})));
        return out;
    }
    void feed(const yamux::frame_header& h, std::string_view body = {}) {
        bytes data = to_bytes(byte_view(yamux::encode(h)));
        append(data, body);
        s.feed(now, data);
    }
    void data(yamux::stream_id id, std::string_view body, std::uint16_t flags = 0) {
        feed({frame_type::data, flags, id, static_cast<std::uint32_t>(body.size())}, body);
    }
    /// Opens a stream as the other side would.
    void opened_by_peer(yamux::stream_id id) {
        feed({frame_type::window_update, yamux::syn, id, 0});
    }
};

/// The frames in some bytes; bodies are skipped.
std::vector<yamux::frame_header> frames(byte_view data) {
    std::vector<yamux::frame_header> out;
    while (!data.empty()) {
        const auto h = yamux::decode(data.first<yamux::header_size>()).value();
        out.push_back(h);
        data = data.subspan(yamux::header_size + (h.type == frame_type::data ? h.length : 0));
    }
    return out;
}

bool moves(end& from, end& to) {
    const auto data = from.take();
    to.s.feed(to.now, data);
    return !data.empty();
}

void exchange(end& a, end& b) {
    bool moved = true;
    while (moved) {
        moved = moves(a, b);
        moved = moves(b, a) || moved;
    }
}

struct pair {
    end client{role::client};
    end server{role::server};

    yamux::stream_id open() {
        const auto id = client.s.open(client.now).value();
        exchange(client, server);
        return id;
    }
};

}  // namespace

TEST(yamux_frame, is_twelve_bytes_big_endian) {
    const auto data =
        yamux::encode({frame_type::window_update, yamux::syn | yamux::fin, 0x01020304, 7});
    EXPECT_EQ(to_bytes(byte_view(data)),
              bytes({std::byte{0}, std::byte{1}, std::byte{0}, std::byte{5}, std::byte{1},
                     std::byte{2}, std::byte{3}, std::byte{4}, std::byte{0}, std::byte{0},
                     std::byte{0}, std::byte{7}}));
    EXPECT_EQ(yamux::decode(data).value().stream, 0x01020304u);
}

TEST(yamux_frame, refuses_unknown_versions_and_types_and_misplaced_stream_ids) {
    auto data = yamux::encode({frame_type::data, 0, 1, 0});
    data[0] = std::byte{1};
    EXPECT_FALSE(yamux::decode(data));
    data[0] = std::byte{0};
    data[1] = std::byte{4};
    EXPECT_FALSE(yamux::decode(data));
    EXPECT_FALSE(yamux::decode(yamux::encode({frame_type::data, 0, 0, 0})));
    EXPECT_FALSE(yamux::decode(yamux::encode({frame_type::ping, yamux::syn, 3, 0})));
}

TEST(yamux_session, opens_streams_with_odd_and_even_ids_and_acknowledges_them) {
    pair p;
    EXPECT_EQ(p.open(), 1u);
    const auto events = p.server.events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].what, kind::opened);
    EXPECT_EQ(p.server.s.open(p.server.now), 2u);
    EXPECT_EQ(p.client.s.open(p.client.now), 3u);
}

TEST(yamux_session, carries_data_both_ways_and_ends_each_way_alone) {
    pair p;
    const auto id = p.open();
    p.client.s.offer(id, as_bytes("question"));
    exchange(p.client, p.server);
    p.client.s.finish(id);
    exchange(p.client, p.server);
    EXPECT_EQ(p.server.read(id), "question");
    EXPECT_TRUE(p.server.s.at_end(id));
    p.server.s.offer(id, as_bytes("answer"));
    exchange(p.client, p.server);
    EXPECT_EQ(p.client.read(id), "answer");
    EXPECT_FALSE(p.client.s.at_end(id));
    p.server.s.release(p.server.now, id);
    exchange(p.client, p.server);
    EXPECT_TRUE(p.client.s.at_end(id));
    EXPECT_EQ(p.server.s.stream_count(), 0u);
    p.client.s.release(p.client.now, id);
    EXPECT_EQ(p.client.s.stream_count(), 0u);
}

TEST(yamux_session, sends_no_more_than_the_window_and_goes_on_when_it_grows) {
    pair p;
    const auto id = p.open();
    const std::string big(300'000, 'x');
    p.client.s.offer(id, as_bytes(big));
    std::size_t sent = 0;
    for (bytes out = p.client.take(1 << 20); !out.empty(); out = p.client.take(1 << 20)) {
        for (const auto& f : frames(out))
            if (f.type == frame_type::data)
                sent += f.length;
        p.server.s.feed(p.server.now, out);
    }
    EXPECT_EQ(sent, yamux::initial_window_bytes);
    EXPECT_TRUE(
        std::ranges::none_of(p.client.events(), [](auto e) { return e.what == kind::written; }));
    EXPECT_EQ(p.server.read(id).size(), yamux::initial_window_bytes);
    exchange(p.client, p.server);
    EXPECT_EQ(p.server.read(id).size(), big.size() - yamux::initial_window_bytes);
    EXPECT_TRUE(
        std::ranges::any_of(p.client.events(), [](auto e) { return e.what == kind::written; }));
}

TEST(yamux_session, ends_when_the_window_is_overrun) {
    end e(role::server);
    e.opened_by_peer(1);
    const std::string full(yamux::initial_window_bytes, 'x');
    e.data(1, full);
    EXPECT_FALSE(e.s.failed());
    e.data(1, "y");
    EXPECT_EQ(e.s.failed(), errc::window_violation);
    const auto last = frames(e.take()).back();
    EXPECT_EQ(last.type, frame_type::go_away);
    EXPECT_EQ(last.length, 1u);
    EXPECT_FALSE(e.s.open(e.now));
}

TEST(yamux_session, ends_when_a_window_is_granted_beyond_all_measure) {
    end e(role::server);
    e.opened_by_peer(1);
    e.feed({frame_type::window_update, 0, 1, UINT32_MAX - yamux::initial_window_bytes});
    EXPECT_FALSE(e.s.failed());
    e.feed({frame_type::window_update, 0, 1, 1});
    EXPECT_EQ(e.s.failed(), errc::window_violation);
}

TEST(yamux_session, ends_when_a_stream_is_opened_twice_or_with_an_id_of_ours) {
    end a(role::server);
    a.opened_by_peer(1);
    a.opened_by_peer(1);
    EXPECT_EQ(a.s.failed(), errc::stream_violation);
    end b(role::server);
    b.opened_by_peer(2);
    EXPECT_EQ(b.s.failed(), errc::stream_violation);
    end c(role::client);
    c.opened_by_peer(1);
    EXPECT_EQ(c.s.failed(), errc::stream_violation);
}

TEST(yamux_session, ends_on_frames_that_it_does_not_know) {
    end a(role::server);
    a.s.feed(a.now, to_bytes("\x01garbage....."));
    EXPECT_EQ(a.s.failed(), errc::malformed);
    end b(role::server);
    b.feed({frame_type::window_update, 16, 1, 0});
    EXPECT_EQ(b.s.failed(), errc::malformed);
    end c(role::server);
    c.feed({frame_type::ping, yamux::syn | yamux::ack, 0, 0});
    EXPECT_EQ(c.s.failed(), errc::malformed);
}

TEST(yamux_session, drains_data_of_streams_that_it_does_not_know) {
    end e(role::server);
    e.data(7, std::string(400'000, 'x'));
    e.feed({frame_type::window_update, yamux::fin, 9, 5});
    EXPECT_FALSE(e.s.failed());
    e.opened_by_peer(1);
    e.data(1, "ok");
    EXPECT_EQ(e.read(1), "ok");
}

TEST(yamux_session, refuses_streams_past_the_limit) {
    end e(role::server, {.incoming_streams_max = 3});
    for (yamux::stream_id id = 1; id <= 7; id += 2)
        e.opened_by_peer(id);
    EXPECT_EQ(e.s.stream_count(), 3u);
    const auto out = frames(e.take());
    EXPECT_EQ(out.back().flags, yamux::rst);
    EXPECT_EQ(out.back().stream, 7u);
    EXPECT_FALSE(e.s.failed());
    e.feed({frame_type::data, yamux::syn, 9, 4}, "more");
    EXPECT_FALSE(e.s.failed());
    e.s.reset(1);
    e.s.release(e.now, 1);
    e.opened_by_peer(11);
    EXPECT_EQ(e.s.stream_count(), 3u);
}

TEST(yamux_session, ends_when_it_is_to_answer_more_than_is_read) {
    end e(role::server);
    for (std::size_t i = 0; i <= yamux::answers_max && !e.s.failed(); ++i)
        e.feed({frame_type::ping, yamux::syn, 0, 1});
    EXPECT_EQ(e.s.failed(), errc::flood);
}

TEST(yamux_session, waits_with_opening_at_its_limits_and_says_when_to_go_on) {
    pair p;
    yamux::stream_id last = 0;
    std::size_t n = 0;
    while (const auto id = p.client.s.open(p.client.now)) {
        last = *id;
        ++n;
    }
    EXPECT_EQ(n, yamux::unacknowledged_max);
    exchange(p.client, p.server);
    EXPECT_TRUE(
        std::ranges::any_of(p.client.events(), [](auto e) { return e.what == kind::may_open; }));
    EXPECT_TRUE(p.client.s.open(p.client.now));

    end small(role::client, {.outgoing_streams_max = 1});
    const auto id = small.s.open(small.now).value();
    EXPECT_FALSE(small.s.open(small.now));
    small.s.reset(id);
    small.s.release(small.now, id);
    EXPECT_TRUE(
        std::ranges::any_of(small.events(), [](auto e) { return e.what == kind::may_open; }));
    EXPECT_TRUE(small.s.open(small.now));
    EXPECT_GT(last, 0u);
}

TEST(yamux_session, answers_pings_before_data_and_measures_the_round_trip) {
    pair p;
    const auto id = p.open();
    const std::string big(200'000, 'x');
    p.client.s.offer(id, as_bytes(big));
    p.client.feed({frame_type::ping, yamux::syn, 0, 77});
    const auto out = frames(p.client.take(yamux::header_size));
    EXPECT_EQ(out[0].type, frame_type::ping);
    EXPECT_EQ(out[0].flags, yamux::ack);
    EXPECT_EQ(out[0].length, 77u);

    end c(role::client);
    c.s.tick(c.now);
    const auto ping = frames(c.take()).at(0);
    EXPECT_EQ(ping.type, frame_type::ping);
    c.now += 30ms;
    c.feed({frame_type::ping, yamux::ack, 0, ping.length + 1});  // never asked for
    EXPECT_FALSE(c.s.round_trip());
    c.feed({frame_type::ping, yamux::ack, 0, ping.length});
    EXPECT_EQ(c.s.round_trip(), 30ms);
    EXPECT_EQ(c.s.deadline(), c.now + 30s);
}

TEST(yamux_session, ends_when_nothing_at_all_comes_after_a_ping) {
    end e(role::client);
    e.s.tick(e.now);
    e.take();
    e.now += 9s;
    e.data(5, "late");  // slow, but alive
    e.now += 9s;
    e.s.tick(e.now);
    EXPECT_FALSE(e.s.failed());
    e.now += 1s;
    EXPECT_EQ(e.s.deadline(), e.now);
    e.s.tick(e.now);
    EXPECT_EQ(e.s.failed(), errc::timed_out);
    EXPECT_EQ(e.s.deadline(), std::nullopt);
}

TEST(yamux_session, ends_on_goodbye) {
    end e(role::client);
    e.feed({frame_type::go_away, 0, 0, 0});
    EXPECT_EQ(e.s.failed(), errc::gone);
}

TEST(yamux_session, resets_both_directions_and_tells_a_waiting_writer) {
    pair p;
    const auto id = p.open();
    p.server.s.offer(id, as_bytes("unread"));
    exchange(p.client, p.server);
    p.client.events();
    p.client.s.offer(id, as_bytes(std::string_view("never sent")));
    p.server.s.reset(id);
    p.client.s.feed(p.client.now, p.server.take());
    EXPECT_TRUE(p.client.s.is_reset(id));
    EXPECT_EQ(p.client.read(id), "");
    const auto events = p.client.events();
    EXPECT_TRUE(std::ranges::any_of(events, [](auto e) { return e.what == kind::written; }));
    EXPECT_TRUE(std::ranges::any_of(events, [](auto e) { return e.what == kind::readable; }));
    for (const auto& f : frames(p.client.take()))
        EXPECT_NE(f.type, frame_type::data);
    p.client.s.offer(id, as_bytes("too late"));
    EXPECT_EQ(p.client.events().at(0).what, kind::written);
    EXPECT_EQ(p.client.budget.unread_bytes(), 0u);
}

TEST(yamux_session, resets_a_released_stream_on_which_data_still_comes) {
    end e(role::server);
    e.opened_by_peer(1);
    e.s.release(e.now, 1);
    auto out = frames(e.take());
    EXPECT_EQ(out.back().flags, yamux::fin);
    e.data(1, "unwanted");
    out = frames(e.take());
    EXPECT_EQ(out.back().flags, yamux::rst);
    EXPECT_EQ(e.s.stream_count(), 0u);
}

TEST(yamux_session, forgets_a_released_stream_that_the_other_side_never_finishes) {
    end e(role::server);
    e.opened_by_peer(1);
    e.s.tick(e.now);
    e.s.release(e.now, 1);
    e.take();
    for (int i = 0; i < 12; ++i) {
        e.now += 5s;
        e.data(99, "alive");
        e.s.tick(e.now);
    }
    EXPECT_FALSE(e.s.failed());
    EXPECT_EQ(e.s.stream_count(), 0u);
    EXPECT_EQ(frames(e.take()).back().flags, yamux::rst);
}

TEST(yamux_session, lets_streams_take_turns_and_small_writes_pass) {
    pair p;
    const auto a = p.open();
    const auto b = p.open();
    const auto c = p.open();
    const std::string big(200'000, 'x');
    p.client.s.offer(a, as_bytes(big));
    p.client.s.offer(b, as_bytes(big));
    p.client.s.offer(c, as_bytes("small"));
    std::vector<yamux::stream_id> order;
    for (int i = 0; i < 5; ++i)
        for (const auto& f : frames(p.client.take(20'000)))
            order.push_back(f.stream);
    ASSERT_GE(order.size(), 4u);
    EXPECT_EQ(order[0], c);
    EXPECT_EQ(order[1], a);
    EXPECT_EQ(order[2], b);
    EXPECT_EQ(order[3], a);
}

TEST(yamux_session, takes_an_offer_back) {
    pair p;
    const auto id = p.open();
    const std::string big(100'000, 'x');
    p.client.s.offer(id, as_bytes(big));
    const auto sent = p.client.take(yamux::header_size + 1000);
    EXPECT_EQ(p.client.s.withdraw(id), 99'000u);
    EXPECT_TRUE(p.client.take().empty());
    p.client.s.offer(id, as_bytes("other"));
    EXPECT_FALSE(p.client.take().empty());
}

TEST(yamux_session, grows_windows_to_what_rate_and_delay_need_and_no_further) {
    // 20 MB/s over 100 ms of round trip need 2 MB on the way.
    pair p;
    p.client.s.tick(p.client.now);
    p.server.s.tick(p.server.now);
    const auto pings = p.client.take();
    const auto more = p.server.take();
    p.client.now += 100ms;
    p.server.now += 100ms;
    p.server.s.feed(p.server.now, pings);
    p.client.s.feed(p.client.now, more);
    exchange(p.client, p.server);
    ASSERT_EQ(p.server.s.round_trip(), 100ms);

    const auto id = p.open();
    const std::string big(1 << 20, 'x');
    constexpr std::size_t rate_per_round_trip = 2'000'000;
    std::size_t moved = 0;
    for (int round = 0; round < 40; ++round) {
        p.client.now += 100ms;
        p.server.now += 100ms;
        moved = 0;
        std::vector<bytes> way;
        while (moved < rate_per_round_trip) {
            p.client.events();
            if (p.client.s.withdraw(id) == 0 || true)
                p.client.s.offer(id, as_bytes(big));
            auto out = p.client.take(60'000);
            if (out.empty())
                break;
            moved += out.size();
            way.push_back(std::move(out));
        }
        for (const auto& data : way)
            p.server.s.feed(p.server.now, data);
        p.server.events();
        while (!p.server.read(id, 100'000).empty()) {
        }
        p.client.s.feed(p.client.now, p.server.take());
        p.client.s.withdraw(id);
    }
    EXPECT_GE(moved, rate_per_round_trip);
    EXPECT_LE(p.server.budget.granted_bytes(), 5 * rate_per_round_trip);
    EXPECT_GE(p.server.budget.granted_bytes(), rate_per_round_trip);
}

TEST(yamux_session, promises_no_more_than_the_budget) {
    yamux::window_budget budget(1 << 20);
    yamux::session s(role::server, budget, {}, start_time);
    end peer(role::client);
    steady_time now = start_time;
    std::vector<yamux::stream_id> ids;
    for (int i = 0; i < 4; ++i)
        ids.push_back(peer.s.open(now).value());
    const std::string big(1 << 20, 'x');
    bytes buffer(1 << 20);
    for (int round = 0; round < 50; ++round) {
        for (const auto id : ids) {
            peer.s.withdraw(id);
            peer.s.offer(id, as_bytes(big));
        }
        for (auto out = peer.take(); !out.empty(); out = peer.take()) {
            s.feed(now, out);
            now += 100us;
        }
        for (const auto id : ids)
            while (s.read(now, id, buffer) > 0) {
            }
        buffer.resize(1 << 20);
        bytes back(10'000);
        back.resize(s.fill(back));
        peer.s.feed(now, back);
        while (s.poll()) {
        }
    }
    EXPECT_EQ(budget.granted_bytes(), 1u << 20);
    EXPECT_FALSE(s.failed());
}

TEST(yamux_session, resets_the_longest_unread_stream_past_the_budget) {
    yamux::window_budget budget(600'000);
    yamux::session a(role::server, budget, {}, start_time);
    yamux::session b(role::server, budget, {}, start_time);
    const auto send = [](yamux::session& s, yamux::stream_id id, std::size_t n, steady_time now) {
        bytes data = to_bytes(byte_view(
            yamux::encode({frame_type::data, yamux::syn, id, static_cast<std::uint32_t>(n)})));
        data.resize(data.size() + n);
        s.feed(now, data);
    };
    send(a, 1, 200'000, start_time + 2s);
    send(b, 1, 200'000, start_time + 1s);
    send(a, 3, 200'000, start_time + 3s);
    EXPECT_FALSE(b.is_reset(1));
    send(a, 5, 1'000, start_time + 4s);
    EXPECT_TRUE(b.is_reset(1));
    EXPECT_FALSE(a.is_reset(1));
    EXPECT_EQ(budget.unread_bytes(), 401'000u);
}

TEST(yamux_session, puts_what_comes_straight_where_a_reader_waits) {
    end e(role::server);
    e.opened_by_peer(1);
    std::string into(6, '.'), other(20, '.');
    const auto memory = [](std::string& s) { return std::as_writable_bytes(std::span{s}); };
    e.s.post(1, memory(into));
    e.data(1, "abcd");
    EXPECT_EQ(into, "abcd..");
    EXPECT_EQ(e.budget.unread_bytes(), 4u);
    e.data(1, "efgh");
    EXPECT_EQ(into, "abcdef");
    EXPECT_EQ(e.s.read(e.now, 1, memory(into)), 6u);
    EXPECT_EQ(e.budget.unread_bytes(), 2u);
    EXPECT_EQ(e.read(1), "gh");
    e.s.post(1, memory(into));
    e.data(1, "ijk");
    EXPECT_FALSE(e.s.at_end(1));
    e.s.unpost(1);  // the reader has gone away
    e.data(1, "lm", yamux::fin);
    EXPECT_EQ(e.read(1), "ijklm");
    EXPECT_TRUE(e.s.at_end(1));
    EXPECT_EQ(e.budget.unread_bytes(), 0u);
}

TEST(yamux_session, a_reset_takes_back_what_a_waiting_reader_was_given) {
    end e(role::server);
    e.opened_by_peer(1);
    std::string into(6, '.');
    e.s.post(1, std::as_writable_bytes(std::span{into}));
    e.data(1, "abcd");
    e.feed({frame_type::window_update, yamux::rst, 1, 0});
    EXPECT_EQ(e.s.read(e.now, 1, std::as_writable_bytes(std::span{into})), 0u);
    EXPECT_TRUE(e.s.is_reset(1));
    EXPECT_EQ(e.budget.unread_bytes(), 0u);
}

TEST(yamux_session, plays_against_itself_over_shredded_bytes) {
    const auto seed = random_seed();
    SCOPED_TRACE(seed);
    rng random(seed);
    const auto pick = [&](std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
    };
    pair p;
    std::map<yamux::stream_id, std::string> sent;
    std::map<yamux::stream_id, std::string> received;
    std::map<yamux::stream_id, std::string> offered;
    std::map<yamux::stream_id, std::size_t> offered_size;
    bytes to_server;
    bytes to_client;
    const auto pass = [&](end& from, bytes& way, end& to) {
        append(way, from.take(1 + pick(5000)));
        const auto n = pick(way.size() + 1);
        to.s.feed(to.now, byte_view(way).first(n));
        way.erase(way.begin(), way.begin() + static_cast<std::ptrdiff_t>(n));
    };
    std::vector<yamux::stream_id> done;
    for (int step = 0; step < 20'000; ++step) {
        p.client.now += 10us;
        p.server.now += 10us;
        if (step < 15'000 && pick(50) == 0 && offered.size() < 20)
            if (const auto id = p.client.s.open(p.client.now))
                offered[*id];
        for (auto& [id, data] : offered)
            if (data.empty() && pick(4) == 0 && step < 15'000) {
                data.assign(1 + pick(20'000), static_cast<char>('a' + pick(26)));
                sent[id] += data;
                p.client.s.offer(id, as_bytes(data));
            } else if (data.empty() && (pick(100) == 0 || step >= 15'000)) {
                p.client.s.release(p.client.now, id);
                done.push_back(id);
            }
        for (const auto id : done)
            offered.erase(id);
        done.clear();
        pass(p.client, to_server, p.server);
        pass(p.server, to_client, p.client);
        for (const auto& e : p.client.events())
            if (e.what == kind::written && offered.contains(e.id))
                offered[e.id].clear();
        for (const auto& e : p.server.events()) {
            if (e.what == kind::opened)
                received[e.id];
        }
        for (auto& [id, data] : received)
            if (p.server.s.is_open(id)) {
                data += p.server.read(id, 1 + pick(30'000));
                if (p.server.s.at_end(id))
                    p.server.s.release(p.server.now, id);
            }
    }
    EXPECT_EQ(p.client.s.failed(), std::nullopt);
    EXPECT_EQ(p.server.s.failed(), std::nullopt);
    EXPECT_GT(sent.size(), 20u);
    for (const auto& [id, data] : sent)
        EXPECT_TRUE(received[id] == data)
            << id << ": " << received[id].size() << " of " << data.size();
    EXPECT_EQ(p.client.s.stream_count(), 0u);
    EXPECT_EQ(p.server.s.stream_count(), 0u);
}
