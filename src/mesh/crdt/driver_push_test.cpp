#include <gtest/gtest.h>

#include "mesh/crdt/driver_world_for_test.hpp"
#include "mesh/crdt/sync_message.hpp"
#include "multiformats/delimited.hpp"

using namespace dm;
using namespace dm::crdt;
using namespace std::chrono_literals;

namespace {

bytes block_of(std::string key, std::string value, std::uint64_t height = 1,
               std::vector<cid> links = {}) {
    return encode_node({.links = std::move(links),
                        .delta = {.elements = {{.key = std::move(key), .value = std::move(value)}},
                                  .priority = height}});
}

bytes wire_of(const std::vector<bytes>& blocks) {
    bytes out;
    for (const auto& b : blocks)
        multiformats::append_delimited(out, b);
    return out;
}

awaitable<bytes> rest_of(aio::byte_stream& from) {
    bytes out;
    bytes buffer(4096);
    while (const auto n = co_await from.read_some(buffer))
        out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
    co_return out;
}

/// Nothing where the other side resets the stream.
awaitable<bytes> answer_to(aio::byte_stream& stream, bytes wire) {
    try {
        co_await stream.write(wire);
        stream.shutdown_write();
        co_return co_await rest_of(stream);
    } catch (const failure& e) {
        if (aio::is_cancelled(e))
            throw;
    }
    co_return bytes{};
}

/// A member that speaks no more than a test makes it.
struct member {
    explicit member(executor ex, world& w)
        : host(ex, w.net, peer_id(crypto::private_key::generate().public_key())) {}

    awaitable<std::unique_ptr<host::stream>> open(site& to) {
        host.add_addresses(to.host.self(), to.host.addresses(), 1h);
        co_return (co_await host.open(to.host.self(), {push_protocol})).channel;
    }
    /// What `to` says that it holds; nothing where it does not answer.
    awaitable<std::vector<cid>> push(site& to, bytes wire) {
        const auto stream = co_await open(to);
        const auto answer = co_await answer_to(*stream, std::move(wire));
        multiformats::delimited_reader reader(sync_request_bytes_max);
        if (answer.empty())
            co_return std::vector<cid>{};
        EXPECT_EQ(value_or_throw(reader.feed(answer)), answer.size());
        co_return value_or_throw(decode_sync_request(reader.take().value()));
    }
    awaitable<void> connect(site& to) {
        co_await host.connect(to.host.self(), to.host.addresses());
    }

    host::memory_host host;
};

/// Members that take a push in a way of their own, and how many they were.
struct bad_members {
    using answer = std::function<awaitable<void>(aio::byte_stream&)>;

    awaitable<void> add(world& w, site& to, answer f) {
        all.push_back(std::make_unique<member>(co_await asio::this_coro::executor, w));
        all.back()->host.handle(push_protocol, [this, f](host::inbound in) -> awaitable<void> {
            ++asked;
            co_await rest_of(*in.channel);
            co_await f(*in.channel);
        });
        co_await all.back()->connect(to);
    }
    awaitable<void> stop() {
        for (auto& m : all)
            co_await m->host.stop();
    }

    std::vector<std::unique_ptr<member>> all;
    std::size_t asked = 0;
};

template <class Test>
void with_member(shared_map_options o, Test test) {
    in_world([&](world& w) -> awaitable<void> {
        auto& b = w.add(o);
        member m(co_await asio::this_coro::executor, w);
        co_await test(w, b, m);
        co_await m.host.stop();
    });
}

}  // namespace

TEST(crdt_push, what_is_written_or_erased_is_on_the_disk_of_another_before_the_writer_is_answered) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        auto& b = w.add();
        co_await a.connect(b);
        co_await a.map.set_all({{"/k", "1"}, {"/l", "2"}});
        EXPECT_EQ(b.at("/k") + b.at("/l"), "12");
        const auto heads = co_await a.map.heads();
        EXPECT_TRUE((co_await b.blocks.block(heads.at(0).id)).has_value());
        EXPECT_EQ(co_await a.map.erase_if([](std::string_view key) { return key == "/k"; }), 1U);
        EXPECT_EQ(b.at("/k") + b.at("/l"), "(none)2");
    });
}

TEST(crdt_push, two_that_write_at_the_same_time_do_not_wait_for_each_other) {
    in_world([](world& w) -> awaitable<void> {
        auto o = quiet();
        o.push_timeout = 1h;
        auto& a = w.add(o);
        auto& b = w.add(o);
        co_await a.connect(b);
        std::vector<awaitable<void>> both;
        both.push_back(a.map.set("/a", "1"));
        both.push_back(b.map.set("/b", "1"));
        co_await aio::all_of(std::move(both));
        EXPECT_EQ(a.at("/b") + b.at("/a"), "11");
    });
}

TEST(crdt_push, a_writer_alone_is_answered) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        co_await a.map.set("/k", "1");
        EXPECT_EQ(a.at("/k"), "1");
    });
}

TEST(crdt_push, who_does_not_answer_costs_its_time_and_so_do_three_of_them_at_most) {
    in_world([](world& w) -> awaitable<void> {
        auto o = quiet();
        o.push_timeout = 20ms;
        auto& a = w.add(o);
        bad_members mute;
        for (std::size_t i = 0; i < o.pushed_to_max + 2; ++i)
            co_await mute.add(w, a, [](auto&) { return aio::sleep_for(1h); });
        co_await a.map.set("/k", "1");
        EXPECT_EQ(mute.asked, o.pushed_to_max);
        EXPECT_EQ(a.at("/k"), "1");
        co_await mute.stop();
    });
}

TEST(crdt_push, where_some_refuse_or_answer_rubbish_the_next_is_asked) {
    in_world([](world& w) -> awaitable<void> {
        auto o = quiet();
        o.push_timeout = 1h;
        o.pushed_to_max = 10;
        auto& a = w.add(o);
        auto& b = w.add(o);
        bad_members bad;
        const auto says = [](bytes what) {
            return [what](aio::byte_stream& to) -> awaitable<void> {
                bytes wire;
                multiformats::append_delimited(wire, what);
                co_await to.write(wire);
            };
        };
        co_await bad.add(w, a, [](auto&) -> awaitable<void> { co_return; });
        co_await bad.add(w, a, [](auto&) -> awaitable<void> {
            raise(errc::full);
            co_return;
        });
        co_await bad.add(w, a, says({std::byte{8}, std::byte{1}}));
        co_await bad.add(w, a, says(bytes(sync_request_bytes_max + 1)));
        co_await bad.add(w, a, says(encode_sync_request({cid_of(as_bytes("another"))})));
        co_await a.connect(b);
        for (int i = 0; i < 3; ++i) {
            co_await a.map.set("/k", std::to_string(i));
            EXPECT_EQ(b.at("/k"), std::to_string(i));
        }
        co_await bad.stop();
    });
}

TEST(crdt_push, a_write_larger_than_a_push_may_be_travels_as_everything_does) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        auto& b = w.add();
        bad_members counting;
        co_await counting.add(w, a, [](auto&) -> awaitable<void> { co_return; });
        std::vector<state::table::entry> large;
        for (int i = 0; i < 9; ++i)
            large.emplace_back("/k" + std::to_string(i), std::string(pushed_bytes_max / 8, 'x'));
        co_await a.map.set_all(large);
        EXPECT_EQ(counting.asked, 0U);
        co_await a.map.set("/small", "x");
        EXPECT_EQ(counting.asked, 1U);
        co_await a.connect(b);
        co_await until([&] { return b.map.all().size() == 10; });
        co_await counting.stop();
    });
}

TEST(crdt_push, what_a_member_pushes_is_taken_up_to_the_bounds_and_not_over_them) {
    with_member(quiet(), [](world&, site& b, member& m) -> awaitable<void> {
        std::vector<bytes> many;
        for (std::size_t i = 0; i < pushed_blocks_max; ++i)
            many.push_back(block_of("/k" + std::to_string(i), "x"));
        auto over = many;
        over.push_back(block_of("/over", "x"));
        EXPECT_TRUE((co_await m.push(b, wire_of(over))).empty());
        const std::string half(pushed_bytes_max / 2, 'x');
        EXPECT_TRUE(
            (co_await m.push(b, wire_of({block_of("/1", half), block_of("/2", half)}))).empty());
        EXPECT_EQ(b.map.counts().blocks, 0U);
        EXPECT_EQ((co_await m.push(b, wire_of(many))).size(), pushed_blocks_max);
        EXPECT_EQ(b.map.all().size(), pushed_blocks_max);
        EXPECT_EQ((co_await m.push(b, wire_of(many))).size(), pushed_blocks_max) << "known ones";
    });
}

TEST(crdt_push, malformed_ones_change_nothing_and_good_ones_are_taken_afterwards) {
    with_member(quiet(), [](world&, site& b, member& m) -> awaitable<void> {
        const auto good = wire_of({block_of("/k", "1")});
        auto cut = good;
        cut.pop_back();
        EXPECT_TRUE((co_await m.push(b, cut)).empty());
        EXPECT_TRUE((co_await m.push(b, bytes(20, std::byte{0xff}))).empty()) << "no length";
        EXPECT_TRUE((co_await m.push(b, wire_of({bytes(block_bytes_max + 1)}))).empty());
        EXPECT_TRUE((co_await m.push(b, {})).empty());
        EXPECT_EQ(b.map.counts().malformed, 0U);
        EXPECT_TRUE((co_await m.push(b, wire_of({bytes(100)}))).empty()) << "no block";
        EXPECT_EQ(b.map.counts().malformed, 1U);
        EXPECT_EQ(b.map.counts().blocks, 0U);
        EXPECT_EQ((co_await m.push(b, good)).size(), 1U);
        EXPECT_EQ(b.at("/k"), "1");
    });
}

TEST(crdt_push, those_who_open_one_and_say_nothing_give_up_their_place) {
    auto o = quiet();
    o.taking_max = 1;
    o.push_timeout = 50ms;
    with_member(o, [](world&, site& b, member& m) -> awaitable<void> {
        const auto silent = co_await m.open(b);
        const auto slow = co_await m.open(b);
        co_await slow->write(bytes{std::byte{100}});
        EXPECT_EQ((co_await m.push(b, wire_of({block_of("/k", "1")}))).size(), 1U);
    });
}

TEST(crdt_push, a_node_that_is_full_does_not_say_that_it_holds_it) {
    auto o = quiet();
    o.limits.keys_max = 1;
    with_member(o, [](world&, site& b, member& m) -> awaitable<void> {
        const auto first = block_of("/1", "x");
        const auto held = co_await m.push(b, wire_of({first, block_of("/2", "x")}));
        EXPECT_EQ(held, std::vector{cid_of(first)});
        EXPECT_TRUE((co_await m.push(b, wire_of({block_of("/2", "x")}))).empty());
        EXPECT_EQ(b.map.all().size(), 1U);
    });
}

TEST(crdt_push, a_member_that_floods_by_it_is_bounded_and_named_and_nobody_else) {
    ::testing::internal::CaptureStderr();
    std::string flooder;
    std::string honest;
    auto o = quiet();
    o.author_cost_per_second = 20 * 1'200;  // some 20 changes a second
    o.author_burst = 1s;
    with_member(o, [&](world& w, site& b, member& m) -> awaitable<void> {
        auto& c = w.add(o);
        co_await c.connect(b);
        flooder = m.host.self().to_string();
        honest = c.host.self().to_string();
        for (int i = 0; i < 300; ++i) {
            const auto block = block_of("/flood" + std::to_string(i), "x");
            const auto held = co_await m.push(b, wire_of({block, block_of("/1", "x")}));
            EXPECT_TRUE(i > 0 || held.size() == 2U);
        }
        co_await c.map.set("/honest", "1");
        EXPECT_EQ(b.at("/honest"), "1");
        EXPECT_LT(b.map.all().size(), 200U);
    });
    const auto told = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(told.find("floods the shared state and is slowed down peer=" + flooder),
              std::string::npos)
        << told;
    EXPECT_EQ(told.find("slowed down peer=" + honest), std::string::npos);
}

TEST(crdt_push, what_somebody_left_who_is_gone_is_completed_and_told_to_the_others) {
    auto o = quiet();
    o.announcer = {.interval_min = 50ms, .interval_max = 1h};
    with_member(o, [](world& w, site& b, member& m) -> awaitable<void> {
        const auto first = block_of("/first", "1");
        const auto second = block_of("/second", "2", 2, {cid_of(first)});
        const auto file = w.next_file();
        {
            replica r(file);
            r.merge({{cid_of(first), first}});
        }
        // It tells nobody what it has; b may ask it for blocks.
        site c(co_await asio::this_coro::executor, w.net, w.workers, file);
        c.host.stop_handling(sync_protocol);
        co_await c.connect(b);
        EXPECT_EQ(b.map.counts().blocks, 0U);
        EXPECT_EQ((co_await m.push(b, wire_of({second}))).size(), 1U);
        m.host.disconnect(b.host.self());
        co_await until([&] { return b.at("/first") == "1" && c.at("/second") == "2"; });
        co_await c.stop();
    });
}

TEST(crdt_push, one_who_is_shunned_leaves_nothing_and_is_left_nothing) {
    in_world([](world& w) -> awaitable<void> {
        auto& a = w.add();
        auto& b = w.add();
        co_await a.connect(b);
        co_await a.map.set("/k", "1");
        b.host.ban(a.host.self(), "it has been forgotten", 1h);
        co_await a.map.set("/k", "2");
        co_await b.map.set("/l", "1");
        EXPECT_EQ(b.at("/k"), "1");
        EXPECT_EQ(a.at("/l"), "(none)");
        member m(co_await asio::this_coro::executor, w);
        b.host.ban(m.host.self(), "it has been forgotten", 1h);
        bool is_refused = false;
        try {
            co_await m.push(b, wire_of({block_of("/m", "1")}));
        } catch (const failure&) {
            is_refused = true;
        }
        EXPECT_TRUE(is_refused);
        EXPECT_EQ(b.at("/m"), "(none)");
        co_await m.host.stop();
    });
}

TEST(crdt_push, what_comes_while_a_node_stops_is_not_taken) {
    with_member(quiet(), [](world&, site& b, member& m) -> awaitable<void> {
        const auto before = co_await m.open(b);
        co_await b.map.stop();
        EXPECT_TRUE((co_await answer_to(*before, wire_of({block_of("/k", "1")}))).empty());
        EXPECT_EQ(b.map.counts().blocks, 0U);
    });
}
