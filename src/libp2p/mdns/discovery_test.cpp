#include "libp2p/mdns/discovery.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

using namespace dm;
using namespace dm::mdns;
using namespace std::chrono_literals;

namespace {

constexpr steady_time start{};

peer_id peer(unsigned n) {
    const auto hash = multiformats::multihash::sha2_256(as_bytes("peer " + std::to_string(n)));
    return *peer_id::from_bytes(hash.to_bytes());
}

multiaddr address(std::string_view text) {
    return *multiformats::parse_multiaddr(text);
}

/// Delivers what each has to say to the other until nobody has anything to say.
void talk(steady_time now, discovery& a, discovery& b) {
    for (bool said = true; said;) {
        said = false;
        while (const auto p = a.poll_packet()) {
            b.received(now, *p);
            a.received(now, *p);  // multicast comes back
            said = true;
        }
        while (const auto p = b.poll_packet()) {
            a.received(now, *p);
            b.received(now, *p);
            said = true;
        }
    }
}

packet announcement(unsigned n, std::string text = "/ip4/10.0.0.9/tcp/1") {
    return {.is_answer = true,
            .records = {{.name = "x" + std::to_string(n) + "._p2p._udp.local",
                         .type = record_type::txt,
                         .texts = {"dnsaddr=" + text + "/p2p/" + peer(n).to_string()}}}};
}

}  // namespace

TEST(mdns_packet, a_query_has_the_bytes_of_the_specification) {
    EXPECT_EQ(to_hex(encode_packet({.questions = {{service_name, record_type::ptr}}})),
              "000000000001000000000000"
              "045f703270045f756470056c6f63616c00"
              "000c0001");
}

TEST(mdns_packet, reads_back_what_it_writes) {
    const packet p{.id = 7,
                   .is_answer = true,
                   .questions = {{"a.b", record_type::any}},
                   .records = {{.name = service_name,
                                .type = record_type::ptr,
                                .ttl_seconds = 120,
                                .target = "x._p2p._udp.local"},
                               {.name = "x._p2p._udp.local",
                                .type = record_type::txt,
                                .ttl_seconds = 100'000,
                                .texts = {"dnsaddr=/x", "", std::string(255, 'y')}}}};
    EXPECT_EQ(*decode_packet(encode_packet(p)), p);
}

TEST(mdns_packet, follows_compressed_names_backwards_only) {
    const std::string question =
        "000084000001000100000000045f703270045f756470056c6f63616c00000c0001";
    // PTR at c00c, target "X" + pointer: case is folded.
    const auto p = decode_packet(*from_hex(question + "c00c000c00010000007800040158c00c"));
    ASSERT_TRUE(p);
    EXPECT_EQ(p->records.at(0).name, service_name);
    EXPECT_EQ(p->records.at(0).target, "x._p2p._udp.local");
    EXPECT_FALSE(decode_packet(*from_hex(question + "c021000c00010000007800020000")))
        << "points to itself";
    EXPECT_FALSE(decode_packet(*from_hex(question + "c0ff000c00010000007800020000")))
        << "points forward";
}

TEST(mdns_packet, refuses_what_is_broken) {
    EXPECT_FALSE(decode_packet({}));
    EXPECT_FALSE(decode_packet(bytes(11)));
    EXPECT_FALSE(decode_packet(bytes(packet_bytes_max + 1)));
    EXPECT_TRUE(decode_packet(bytes(12)));
    EXPECT_FALSE(decode_packet(*from_hex("000028000000000000000000"))) << "another operation";
    EXPECT_FALSE(decode_packet(*from_hex("000000000001000000000000"))) << "question missing";
    EXPECT_FALSE(decode_packet(*from_hex("000084000000010100000000"))) << "too many records";
    const auto whole = encode_packet(announcement(1));
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_FALSE(decode_packet(byte_view(whole).first(n))) << n;
    auto longer = announcement(1);
    auto wire = encode_packet(longer);
    wire[wire.size() - longer.records[0].texts[0].size() - 1] ^= std::byte{1};
    EXPECT_FALSE(decode_packet(wire)) << "a text longer than its record";
}

TEST(mdns_discovery, two_nodes_find_each_other) {
    discovery a(peer(1), rng(1));
    discovery b(peer(2), rng(2));
    a.set_addresses(start, {address("/ip4/10.0.0.1/tcp/33123"), address("/ip6/fd00::1/tcp/33123")});
    b.set_addresses(start, {address("/ip4/10.0.0.2/tcp/33123")});
    a.start(start);
    b.start(start);
    talk(start, a, b);
    EXPECT_EQ(a.poll_peer(), (found_peer{peer(2), {address("/ip4/10.0.0.2/tcp/33123")}}));
    const auto found = b.poll_peer();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, peer(1));
    EXPECT_EQ(found->addresses.size(), 2u);
    EXPECT_FALSE(a.poll_peer()) << "not itself, and each once";
}

TEST(mdns_discovery, asks_less_and_less_often) {
    discovery d(peer(1), rng(1));
    d.start(start);
    std::size_t queries = 0;
    for (auto now = start; now <= start + 10min; now += 100ms) {
        d.tick(now);
        while (d.poll_packet())
            ++queries;
    }
    EXPECT_GE(queries, 14u);
    EXPECT_LE(queries, 18u);
}

TEST(mdns_discovery, answers_within_a_moment_but_not_more_than_once_a_second) {
    discovery d(peer(1), rng(1));
    d.set_addresses(start, {address("/ip4/10.0.0.1/tcp/1")});
    d.tick(start);
    while (d.poll_packet())
        ;
    const auto query = encode_packet({.questions = {{service_name, record_type::ptr}}});
    std::size_t answers = 0;
    for (auto now = start; now < start + 5s; now += 10ms) {
        d.received(now, query);
        d.tick(now);
        while (d.poll_packet())
            ++answers;
    }
    EXPECT_GE(answers, 4u);
    EXPECT_LE(answers, 5u);
}

TEST(mdns_discovery, is_quiet_without_an_address_and_to_other_questions) {
    discovery d(peer(1), rng(1));
    d.received(start, encode_packet({.questions = {{service_name, record_type::ptr}}}));
    EXPECT_FALSE(d.deadline());
    d.set_addresses(start, {address("/ip4/10.0.0.1/tcp/1")});
    d.tick(start);
    EXPECT_TRUE(d.poll_packet());
    d.received(start, encode_packet({.questions = {{"_ipp._tcp.local", record_type::ptr}}}));
    d.received(start, encode_packet({.questions = {{service_name, record_type::a}}}));
    EXPECT_FALSE(d.deadline());
}

TEST(mdns_discovery, tells_of_a_peer_again_when_it_moves_or_after_a_while) {
    discovery d(peer(1), rng(1));
    const auto hear = [&](steady_time now, std::string_view text) {
        d.received(now, encode_packet(announcement(5, std::string(text))));
        return d.poll_peer().has_value();
    };
    EXPECT_TRUE(hear(start, "/ip4/10.0.0.5/tcp/1"));
    EXPECT_FALSE(hear(start + 1s, "/ip4/10.0.0.5/tcp/1"));
    EXPECT_TRUE(hear(start + 2s, "/ip4/10.0.0.6/tcp/1"));
    EXPECT_TRUE(hear(start + 40s, "/ip4/10.0.0.6/tcp/1"));
}

TEST(mdns_discovery, remembers_so_many_peers_and_no_more) {
    discovery d(peer(0), rng(1), {.peers_max = 10});
    for (unsigned n = 1; n <= 100; ++n)
        d.received(start + std::chrono::seconds(n), encode_packet(announcement(n)));
    std::size_t told = 0;
    while (d.poll_peer())
        ++told;
    EXPECT_EQ(told, 10u);
}

TEST(mdns_discovery, ignores_texts_that_are_no_addresses_of_peers) {
    discovery d(peer(1), rng(1));
    auto p = announcement(2);
    p.records[0].texts = {"dnsaddr=/ip4/10.0.0.1/tcp/1", "dnsaddr=nonsense", "other=1",
                          "dnsaddr=/ip4/10.0.0.1/tcp/1/p2p/" + peer(1).to_string()};
    d.received(start, encode_packet(p));
    d.received(start, as_bytes("no packet at all"));
    EXPECT_FALSE(d.poll_peer());
}

TEST(mdns_discovery, an_answer_fits_into_one_packet) {
    discovery d(peer(1), rng(1));
    std::vector<multiaddr> many;
    for (int i = 0; i < 100; ++i)
        many.push_back(address("/ip4/10.0.0." + std::to_string(i) + "/tcp/33123"));
    d.set_addresses(start, many);
    d.tick(start);
    const auto p = d.poll_packet();
    ASSERT_TRUE(p);
    EXPECT_LE(p->size(), 1'400u);
    EXPECT_GE(p->size(), 1'000u);
}
