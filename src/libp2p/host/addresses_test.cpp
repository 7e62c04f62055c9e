#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "libp2p/host/address_book.hpp"
#include "libp2p/host/bootstrap.hpp"
#include "libp2p/host/host_for_test.hpp"
#include "libp2p/host/negotiate.hpp"
#include "libp2p/host/net_address.hpp"
#include "libp2p/host/peer_store.hpp"

using namespace dm;
using namespace std::chrono_literals;
using host::address;
using host::address_book;

namespace {

multiformats::peer_id peer(int n) {
    std::array<std::byte, 32> seed{};
    seed[0] = static_cast<std::byte>(n);
    seed[1] = static_cast<std::byte>(n >> 8);
    return multiformats::peer_id(crypto::private_key::from_seed(seed).public_key());
}

multiformats::multiaddr port(int n) {
    return address("/ip4/192.0.2.1/tcp/" + std::to_string(n));
}

const wall_time start{1000h};

}  // namespace

TEST(net_address, knows_what_can_be_dialled) {
    for (const auto* good : {"/ip4/192.0.2.1/tcp/1", "/ip6/2001:db8::1/tcp/65535",
                             "/dns/example.com/tcp/33123", "/dns4/a/tcp/1", "/dns6/a/tcp/1",
                             "/ip4/127.0.0.1/tcp/1/p2p/"
                             "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"})
        EXPECT_TRUE(host::is_dialable(address(good))) << good;
    for (const auto* bad :
         {"/ip4/192.0.2.1/udp/1/quic-v1", "/ip4/0.0.0.0/tcp/1", "/ip4/192.0.2.1/tcp/0",
          "/ip4/224.0.0.1/tcp/1", "/ip4/192.0.2.1/tcp/1/ws", "/ip4/192.0.2.1", "/dns/a/tcp/0",
          "/ip6/::/tcp/1", "/memory/1", "/unix/a"})
        EXPECT_FALSE(host::is_dialable(address(bad))) << bad;
    EXPECT_FALSE(host::is_dialable({}));
}

TEST(net_address, turns_endpoints_into_addresses_and_back) {
    for (const auto* text : {"/ip4/192.0.2.1/tcp/80", "/ip6/2001:db8::1/tcp/80"})
        EXPECT_EQ(host::to_multiaddr(*host::to_endpoint(address(text))), address(text));
    const asio::ip::tcp::endpoint mapped(asio::ip::make_address("::ffff:192.0.2.1"), 80);
    EXPECT_EQ(host::to_multiaddr(mapped), address("/ip4/192.0.2.1/tcp/80"));
    EXPECT_EQ(host::to_endpoint(address("/ip6/::ffff:192.0.2.1/tcp/80"))->address().to_string(),
              "192.0.2.1");
    const auto name = host::to_dns_name(address("/dns6/example.com/tcp/80"));
    EXPECT_EQ(name->name, "example.com");
    EXPECT_TRUE(name->ip6 && !name->ip4);
}

TEST(net_address, tells_loopback_local_and_global_apart) {
    using enum host::reach;
    for (const auto& [text, expected] :
         {std::pair{"/ip4/127.1.2.3/tcp/1", loopback}, std::pair{"/ip6/::1/tcp/1", loopback},
          std::pair{"/ip4/10.0.0.1/tcp/1", local}, std::pair{"/ip4/172.16.0.1/tcp/1", local},
          std::pair{"/ip4/172.32.0.1/tcp/1", global}, std::pair{"/ip4/192.168.1.1/tcp/1", local},
          std::pair{"/ip4/169.254.1.1/tcp/1", local}, std::pair{"/ip4/100.64.0.1/tcp/1", local},
          std::pair{"/ip4/100.128.0.1/tcp/1", global}, std::pair{"/ip4/8.8.8.8/tcp/1", global},
          std::pair{"/ip6/fe80::1/tcp/1", local}, std::pair{"/ip6/fd00::1/tcp/1", local},
          std::pair{"/ip6/2001:db8::1/tcp/1", global}, std::pair{"/dns/a/tcp/1", global}})
        EXPECT_EQ(host::reach_of(address(text)), expected) << text;
}

TEST(net_address, gives_a_peer_only_what_it_can_use) {
    const std::vector<host::multiaddr> all = {address("/ip4/127.0.0.1/tcp/1"),
                                              address("/ip4/10.0.0.1/tcp/1"),
                                              address("/ip4/8.8.8.8/tcp/1")};
    EXPECT_EQ(host::usable_from(address("/ip4/127.0.0.1/tcp/9"), all).size(), 3u);
    EXPECT_EQ(host::usable_from(address("/ip4/192.168.0.9/tcp/9"), all).size(), 2u);
    EXPECT_EQ(host::usable_from(address("/ip4/9.9.9.9/tcp/9"), all).size(), 1u);
}

TEST(net_address, finds_the_interfaces_behind_an_unspecified_address) {
    const auto all = host::interface_addresses({asio::ip::address_v4::any(), 4001});
    EXPECT_NE(std::ranges::find(all, address("/ip4/127.0.0.1/tcp/4001")), all.end());
    const auto one = host::interface_addresses({asio::ip::address_v4::loopback(), 4001});
    EXPECT_EQ(one.size(), 1u);
}

TEST(address_book, gives_what_has_not_expired_and_what_worked_first) {
    address_book book;
    book.add(peer(1), port(1), start + 1h);
    book.add(peer(1), port(2), start + 2h);
    book.add(peer(1), port(1).with_peer(peer(1)), start + 30min);  // known for longer already
    EXPECT_EQ(book.addresses_of(peer(1), start), (std::vector{port(1), port(2)}));
    book.succeeded(peer(1), port(2), start);
    EXPECT_EQ(book.addresses_of(peer(1), start), (std::vector{port(2), port(1)}));
    EXPECT_EQ(book.addresses_of(peer(1), start + 1h), (std::vector{port(2)}));
    book.forget_expired(start + 2h);
    EXPECT_EQ(book.size(), 0u);
    EXPECT_TRUE(book.addresses_of(peer(2), start).empty());
}

TEST(address_book, waits_longer_after_each_failure) {
    address_book book;
    book.add(peer(1), port(1), start + 1h);
    EXPECT_LE(book.retry_at(peer(1)), start);
    wall_time::duration last{};
    for (int i = 0; i < 5; ++i) {
        book.failed(peer(1), start);
        const auto wait = book.retry_at(peer(1)) - start;
        EXPECT_GT(wait, last);
        last = wait;
    }
    for (int i = 0; i < 1000; ++i)
        book.failed(peer(1), start);
    EXPECT_EQ(book.retry_at(peer(1)) - start, address_book::back_off_max);
    book.succeeded(peer(1), port(1), start);
    EXPECT_LE(book.retry_at(peer(1)), start);
}

TEST(address_book, keeps_so_many_addresses_of_a_peer_and_those_that_worked) {
    address_book book;
    book.add(peer(1), port(1), start + 1min);
    book.succeeded(peer(1), port(1), start);
    for (int i = 2; i < 100; ++i)
        book.add(peer(1), port(i), start + i * 1h);
    const auto all = book.addresses_of(peer(1), start);
    EXPECT_EQ(all.size(), address_book::addresses_of_peer_max);
    EXPECT_EQ(all.front(), port(1));
}

TEST(address_book, keeps_so_many_peers_and_those_that_hold_longest) {
    address_book book;
    book.add(peer(0), port(1), start + 1h);
    book.add(peer(1), port(1), start + 1min);
    for (int i = 2; i < static_cast<int>(address_book::peers_max) + 1; ++i)
        book.add(peer(i), port(1), start + 1h);
    EXPECT_EQ(book.size(), address_book::peers_max);
    EXPECT_TRUE(book.addresses_of(peer(1), start).empty());
    EXPECT_FALSE(book.addresses_of(peer(0), start).empty());
}

TEST(peer_store, keeps_a_book_over_restarts) {
    const temp_dir folder;
    aio::run_coroutine([&](executor) -> awaitable<void> {
        aio::pool workers(1);
        const auto now = std::chrono::system_clock::now();
        {
            host::peer_store store(workers, folder.path() / "peers.db");
            address_book book;
            book.add(peer(1), port(1), now + 1h);
            book.add(peer(1), port(2), now + 1h);
            book.add(peer(2), port(3), now - 1s);
            book.succeeded(peer(1), port(2), now);
            co_await store.save(book);
            co_await store.save(book);
        }
        host::peer_store store(workers, folder.path() / "peers.db");
        address_book book;
        store.load(book);
        EXPECT_EQ(book.addresses_of(peer(1), now), (std::vector{port(2), port(1)}));
        EXPECT_EQ(book.size(), 1u);
    });
}

TEST(known_peer, needs_an_address_and_an_id) {
    const std::string id = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
    const auto p = host::parse_known_peer("/ip4/192.0.2.1/tcp/33123/ipfs/" + id).value();
    EXPECT_EQ(p.id.to_string(), id);
    EXPECT_EQ(p.address, address("/ip4/192.0.2.1/tcp/33123"));
    for (const auto& bad : {std::string("/ip4/192.0.2.1/tcp/33123"), "/p2p/" + id,
                            "/ip4/192.0.2.1/udp/1/quic-v1/p2p/" + id, std::string("192.0.2.1:1")})
        EXPECT_FALSE(host::parse_known_peer(bad)) << bad;
}

TEST(bootstrap, connects_again_when_a_connection_is_lost) {
    host::with_fleet([](host::fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto& b = f.add();
        // A node may find itself in a list that all nodes share.
        host::bootstrap keeper(f.executor_, a,
                               {{a.self(), a.addresses().at(0)}, {b.self(), b.addresses().at(0)}});
        keeper.start();
        co_await host::until([&] { return a.find(b.self()).has_value(); });
        b.disconnect(a.self());
        co_await host::until([&] { return !a.find(b.self()).has_value(); });
        co_await host::until([&] { return a.find(b.self()).has_value(); });
        co_await keeper.stop();
    });
}

TEST(read_message, reads_whole_messages_and_refuses_long_ones) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        auto [a, b] = aio::memory_pipe(ex, 1 << 20);
        co_await host::write_message(*a, to_bytes("one"));
        co_await host::write_message(*a, {});
        co_await host::write_message(*a, bytes(100'000));
        EXPECT_EQ(co_await host::read_message(*b), to_bytes("one"));
        EXPECT_EQ(co_await host::read_message(*b), bytes{});
        EXPECT_EQ((co_await host::read_message(*b))->size(), 100'000u);
        const auto read_at_most = [](aio::byte_stream& from, std::size_t n) -> awaitable<void> {
            co_await host::read_message(from, n);
        };
        co_await host::write_message(*a, bytes(101));
        EXPECT_EQ(co_await host::code_of(read_at_most(*b, 100)), aio::errc::too_much_data);

        auto [c, d] = aio::memory_pipe(ex);
        co_await c->write(as_bytes("\x05half"));
        c->shutdown_write();
        EXPECT_EQ(co_await host::code_of(read_at_most(*d, 100)), aio::errc::end_of_stream);
        EXPECT_EQ(co_await host::read_message(*d), std::nullopt);
    });
}
