#include "libp2p/host/tcp_host.hpp"

#include "libp2p/host/host_conformance.hpp"
#include "libp2p/host/host_for_test.hpp"
#include "libp2p/host/negotiate.hpp"
#include "libp2p/host/ping.hpp"

using namespace dm;
using namespace std::chrono_literals;
using host::address;
using host::errc;
using host::fleet;
using host::quick;
using host::say;
using host::tcp_host;
using host::with_fleet;

TEST(tcp_host, is_a_host) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        tcp_host a(ex, workers, crypto::private_key::generate(), {});
        tcp_host b(ex, workers, crypto::private_key::generate(), {});
        b.listen(address("/ip4/127.0.0.1/tcp/0"));
        a.start();
        b.start();
        co_await host::check_host(a, b);
        co_await a.stop();
        co_await b.stop();
    });
}

TEST(tcp_host, dials_ipv6_and_names) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add(quick(), "/ip6/::1/tcp/0");
        co_await a.connect(b.self(), b.addresses());
        EXPECT_EQ(co_await say(a, b, "over IPv6"), "over IPv6");
        auto& c = f.add();
        const auto port = host::to_endpoint(c.addresses().at(0))->port();
        co_await a.connect(c.self(), {address("/dns4/localhost/tcp/" + std::to_string(port))});
        EXPECT_EQ(co_await say(a, c, "by name"), "by name");
    });
}

TEST(tcp_host, carries_large_data_both_ways_at_once) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        co_await a.connect(b.self(), b.addresses());
        std::string big(20 << 20, 'x');
        for (std::size_t i = 0; i < big.size(); i += 1000)
            big[i] = static_cast<char>(i);
        EXPECT_TRUE(co_await say(a, b, big) == big);
        EXPECT_GT(a.find(b.self())->sent_bytes, big.size());
        EXPECT_GT(a.find(b.self())->received_bytes, big.size());
        // The first words of a ping may just be on their way.
        co_await host::until(
            [&] { return a.budget().unread_bytes() == 0 && b.budget().unread_bytes() == 0; });
    });
}

TEST(tcp_host, keeps_a_private_network_to_itself) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto inside = quick();
        inside.network.emplace();
        auto other_network = inside;
        other_network.network->front() = std::byte{1};
        inside.handshake_timeout = other_network.handshake_timeout = 500ms;
        auto outside = quick();
        outside.handshake_timeout = 500ms;
        auto& a = f.add(inside);
        auto& b = f.add(inside);
        auto& c = f.add(other_network);
        auto& d = f.add(outside);
        co_await a.connect(b.self(), b.addresses());
        EXPECT_EQ(co_await say(a, b, "among us"), "among us");
        EXPECT_EQ(co_await host::code_of(a.connect(c.self(), c.addresses())), errc::dial_failed);
        EXPECT_EQ(co_await host::code_of(c.connect(a.self(), a.addresses())), errc::dial_failed);
        EXPECT_EQ(co_await host::code_of(a.connect(d.self(), d.addresses())), errc::dial_failed);
        EXPECT_EQ(co_await host::code_of(d.connect(a.self(), a.addresses())), errc::dial_failed);
        EXPECT_EQ(a.peers().size(), 1u);
    });
}

TEST(tcp_host, changes_the_key_of_its_network_one_node_after_the_other) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto before = quick();
        before.network.emplace();
        pnet::swarm_key next{};
        next.front() = std::byte{1};
        auto& a = f.add(before);
        auto& b = f.add(before);
        auto& c = f.add(before);
        const auto all_talk = [&]() -> awaitable<void> {
            std::vector<tcp_host*> hosts{&a, &b, &c};
            for (auto* from : hosts)
                for (auto* to : hosts) {
                    if (from == to)
                        continue;
                    from->disconnect(to->self());
                    to->disconnect(from->self());
                    co_await host::until(
                        [&] { return !from->find(to->self()) && !to->find(from->self()); });
                    co_await from->connect(to->self(), to->addresses());
                    EXPECT_EQ(co_await say(*from, *to, "still here"), "still here");
                }
        };
        for (auto* changed : {&a, &b, &c}) {
            changed->change_network(next, before.network);
            co_await all_talk();
        }
        for (auto* finished : {&a, &b, &c}) {
            finished->change_network(next, std::nullopt);
            co_await all_talk();
        }
        auto& late = f.add(before);
        EXPECT_EQ(co_await host::code_of(late.connect(a.self(), a.addresses())), errc::dial_failed);
    });
}

TEST(tcp_host, sees_at_once_that_a_peer_has_another_key) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto ours = quick();
        ours.network.emplace();
        auto theirs = ours;
        theirs.network->front() = std::byte{1};
        auto& a = f.add(ours);
        auto& b = f.add(theirs);  // with 15 s for the handshake, which this must not take
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(co_await host::code_of(a.connect(b.self(), b.addresses())), errc::dial_failed);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    });
}

TEST(tcp_host, dials_once_for_all_who_ask_at_the_same_time) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        std::vector<awaitable<void>> all;
        for (int i = 0; i < 20; ++i)
            all.push_back(a.connect(b.self(), b.addresses()));
        co_await aio::all_of(std::move(all));
        EXPECT_EQ(a.connection_count(), 1u);
        EXPECT_EQ(b.connection_count(), 1u);
    });
}

TEST(tcp_host, ends_one_of_two_connections_that_were_dialled_towards_each_other) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        std::vector<awaitable<void>> both;
        both.push_back(a.connect(b.self(), b.addresses()));
        both.push_back(b.connect(a.self(), a.addresses()));
        co_await aio::all_of(std::move(both));
        EXPECT_EQ(co_await say(a, b, "one"), "one");
        EXPECT_EQ(co_await say(b, a, "two"), "two");
        co_await host::until(
            [&] { return a.connection_count() == 1 && b.connection_count() == 1; });
        EXPECT_EQ(co_await say(a, b, "three"), "three");
        EXPECT_NE(a.find(b.self())->direction, b.find(a.self())->direction);
    });
}

TEST(tcp_host, tries_the_next_address_when_one_does_not_answer) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        // Accepts by the kernel, and says nothing.
        auto silent = aio::listen(f.executor_, *aio::parse_endpoint("127.0.0.1:0"));
        const std::vector<host::multiaddr> all = {host::to_multiaddr(silent.local_endpoint()),
                                                  b.addresses().at(0)};
        const auto start = std::chrono::steady_clock::now();
        co_await a.connect(b.self(), all);
        EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
        EXPECT_EQ(co_await say(a, b, "here"), "here");
        EXPECT_EQ(a.addresses_of(b.self()).front(), b.addresses().at(0));  // the one that worked
    });
}

TEST(tcp_host, refuses_another_peer_than_the_one_dialled) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        auto& c = f.add();
        EXPECT_EQ(co_await host::code_of(a.connect(c.self(), b.addresses())), errc::dial_failed);
        EXPECT_TRUE(a.peers().empty());
    });
}

TEST(tcp_host, never_dials_itself) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        EXPECT_EQ(co_await host::code_of(a.connect(a.self(), b.addresses())), errc::is_self);
        // Its own address under another name is no address.
        EXPECT_EQ(co_await host::code_of(a.connect(b.self(), a.addresses())), errc::no_address);
    });
}

TEST(tcp_host, backs_off_after_a_failure_until_there_is_a_new_address) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        std::vector<host::multiaddr> nobody = {address("/ip4/127.0.0.1/tcp/1")};
        EXPECT_EQ(co_await host::code_of(a.connect(b.self(), nobody)), errc::dial_failed);
        EXPECT_EQ(co_await host::code_of(a.connect(b.self(), nobody)), errc::backing_off);
        co_await a.connect(b.self(), b.addresses());
        EXPECT_TRUE(a.find(b.self()).has_value());
    });
}

TEST(tcp_host, limits_connections_in_all_and_of_a_peer) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto few = quick();
        few.connections_max = 2;
        auto& a = f.add(few);
        auto& b = f.add();
        auto& c = f.add();
        auto& d = f.add();
        co_await a.connect(b.self(), b.addresses());
        co_await c.connect(a.self(), a.addresses());
        EXPECT_EQ(co_await host::code_of(a.connect(d.self(), d.addresses())), errc::too_many);
        EXPECT_EQ(co_await host::code_of(d.connect(a.self(), a.addresses())), errc::dial_failed);
        EXPECT_EQ(a.connection_count(), 2u);

        auto one = quick();
        one.connections_of_peer_max = 2;
        one.duplicate_grace = 1h;
        auto& e = f.add(one);
        host::rogue same;
        std::list<host::secured> lines;
        for (int i = 0; i < 3; ++i) {
            co_await same.meet(f.executor_, f.workers_, e);
            lines.push_back(*std::move(same.line));
        }
        same.line = std::move(lines.back());
        co_await same.see_the_end();
        EXPECT_EQ(e.connection_count(), 2u);
    });
}

TEST(tcp_host, closes_idle_connections_past_the_high_mark_only) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto few = quick();
        few.connections_high = 3;
        few.connections_low = 2;
        auto& a = f.add(few);
        std::vector<tcp_host*> others;
        for (std::size_t i = 0; i < 4; ++i)
            others.push_back(&f.add());
        co_await a.connect(others[0]->self(), others[0]->addresses());
        auto busy = co_await a.open(others[0]->self(), {"/echo/1"});
        for (std::size_t i = 1; i < 3; ++i)
            co_await a.connect(others[i]->self(), others[i]->addresses());
        co_await aio::sleep_for(200ms);
        EXPECT_EQ(a.connection_count(), 3u);
        co_await a.connect(others[3]->self(), others[3]->addresses());
        co_await host::until([&] { return a.connection_count() == 2; });
        co_await busy.channel->write(as_bytes("still"));
        busy.channel->shutdown_write();
        EXPECT_EQ(co_await host::read_all(*busy.channel), "still");
    });
}

TEST(tcp_host, tells_peers_of_protocols_that_come_and_go) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        co_await a.connect(b.self(), b.addresses());
        co_await host::until([&] { return a.find(b.self())->speaks("/echo/1"); });
        EXPECT_EQ(a.find(b.self())->agent, "distromash");
        EXPECT_EQ(a.find(b.self())->listen_addresses, b.addresses());
        co_await host::until([&] { return !b.find(a.self())->listen_addresses.empty(); });
        b.handle("/new/1", host::echo);
        co_await host::until([&] { return a.find(b.self())->speaks("/new/1"); });
        b.stop_handling("/new/1");
        co_await host::until([&] { return !a.find(b.self())->speaks("/new/1"); });
    });
}

TEST(tcp_host, notices_when_a_peer_no_longer_speaks_what_it_said) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        co_await a.connect(b.self(), b.addresses());
        co_await host::until([&] { return a.find(b.self())->speaks("/echo/1"); });
        b.stop_handling("/echo/1");
        // Not waiting for the answer, it learns of the refusal when it reads.
        EXPECT_EQ(co_await host::code_of([](tcp_host& from, tcp_host& to) -> awaitable<void> {
                      co_await say(from, to, "hello");
                  }(a, b)),
                  errc::protocol_refused);
    });
}

TEST(tcp_host, measures_the_time_to_a_peer) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        co_await a.connect(b.self(), b.addresses());
        EXPECT_LT(co_await host::ping(a, b.self()), 10s);
        co_await host::until([&] { return a.find(b.self())->round_trip.has_value(); });
    });
}

TEST(tcp_host, resets_a_stream_that_an_exception_destroys) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        std::optional<std::error_code> seen;
        b.handle("/half/1", [&](host::inbound in) -> awaitable<void> {
            return [](host::inbound on, std::optional<std::error_code>& out) -> awaitable<void> {
                try {
                    co_await host::read_all(*on.channel);
                    out.emplace();
                } catch (const failure& e) {
                    out = e.code();
                }
            }(std::move(in), seen);
        });
        co_await a.connect(b.self(), b.addresses());
        try {
            auto [channel, protocol] = co_await a.open(b.self(), {"/half/1"});
            co_await channel->write(as_bytes("half a mess"));
            raise(aio::errc::closed);
        } catch (const failure& e) {
            EXPECT_EQ(e.code(), aio::errc::closed);
        }
        co_await host::until([&] { return seen.has_value(); });
        EXPECT_EQ(*seen, errc::stream_reset);
    });
}
