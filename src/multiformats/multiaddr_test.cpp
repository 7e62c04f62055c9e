#include "multiformats/multiaddr.hpp"

#include <gtest/gtest.h>

#include "base/hex_for_test.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

constexpr const char* peer_text = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
constexpr const char* rsa_peer_text = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";
constexpr const char* peer_hex =
    "a503260024080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336b";
constexpr const char* rsa_peer_hex =
    "a5032212209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9";

void expect_both_forms(const std::string& text, const std::string& hex) {
    const auto from_text = parse_multiaddr(text);
    ASSERT_TRUE(from_text) << text << ": " << from_text.error().message();
    EXPECT_EQ(to_hex(from_text->bytes()), hex) << text;
    const auto from_binary = parse_multiaddr(byte_view{unhex(hex)});
    ASSERT_TRUE(from_binary) << text;
    EXPECT_EQ(from_binary->to_string(), text);
    EXPECT_EQ(*from_binary, *from_text);
}

}  // namespace

TEST(multiaddr, has_the_binary_form_of_the_reference) {
    expect_both_forms("/ip4/127.0.0.1/tcp/4001", "047f000001060fa1");
    expect_both_forms("/ip6/::1/tcp/4001", "2900000000000000000000000000000001060fa1");
    expect_both_forms("/ip4/192.0.2.1/udp/4001/quic-v1", "04c000020191020fa1cd03");
    expect_both_forms("/dns4/example.com/tcp/443/wss", "360b6578616d706c652e636f6d0601bbde03");
    expect_both_forms("/dns/example.com/tcp/443/tls/ws",
                      "350b6578616d706c652e636f6d0601bbc003dd03");
    expect_both_forms("/dnsaddr/bootstrap.libp2p.io", "3813626f6f7473747261702e6c69627032702e696f");
    expect_both_forms("/ip4/127.0.0.1/tcp/8080/ws", "047f000001061f90dd03");
    expect_both_forms("/ip4/10.0.0.5/tcp/8080/http", "040a000005061f90e003");
    expect_both_forms("/dns4/gw.example/tcp/443/tls/http",
                      "360a67772e6578616d706c650601bbc003e003");
    expect_both_forms("/ip6zone/eth0/ip6/fe80::1/tcp/1",
                      "2a046574683029fe800000000000000000000000000001060001");
    expect_both_forms("/p2p-circuit", "a202");
    expect_both_forms(std::string("/ip4/127.0.0.1/tcp/4001/p2p/") + peer_text,
                      std::string("047f000001060fa1") + peer_hex);
    expect_both_forms(std::string("/ip4/127.0.0.1/tcp/4001/p2p/") + rsa_peer_text +
                          "/p2p-circuit/p2p/" + peer_text,
                      std::string("047f000001060fa1") + rsa_peer_hex + "a202" + peer_hex);
}

TEST(multiaddr, covers_the_other_value_forms) {
    expect_both_forms("/ip4/10.0.0.0/ipcidr/8", "040a0000002b08");
    expect_both_forms("/unix/run/a b.sock", "90030d" + to_hex(as_bytes("/run/a b.sock")));
    expect_both_forms("/memory/18446744073709551615", "8906ffffffffffffffff");
    expect_both_forms("/sni/example.com", "c1030b6578616d706c652e636f6d");
    expect_both_forms("/http-path/a%2Fb%20c", "e10305612f622063");
    expect_both_forms("/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g",
                      "d203221220c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2");
    expect_both_forms("/ip6/::ffff:10.0.0.5", "2900000000000000000000ffff0a000005");
    expect_both_forms("/ip6/::a00:5", "290000000000000000000000000a000005");
    expect_both_forms("/ip6/2001:db8:0:1:1:1:1:1", "2920010db8000000010001000100010001");
    expect_both_forms("/ip6/2001:db8::1:0:0:1", "2920010db8000000000001000000000001");
    expect_both_forms("/ip6/::", "2900000000000000000000000000000000");
    expect_both_forms("/ip6/1::", "2900010000000000000000000000000000");
}

TEST(multiaddr, reads_ipfs_as_p2p_and_peer_ids_as_cids) {
    const auto address =
        parse_multiaddr(std::string("/ip4/127.0.0.1/tcp/4001/ipfs/") + rsa_peer_text);
    ASSERT_TRUE(address);
    EXPECT_EQ(to_hex(address->bytes()), std::string("047f000001060fa1") + rsa_peer_hex);
    EXPECT_EQ(address->to_string(), std::string("/ip4/127.0.0.1/tcp/4001/p2p/") + rsa_peer_text);
    const auto by_cid = parse_multiaddr(
        "/ip4/127.0.0.1/tcp/4001/p2p/bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe");
    EXPECT_EQ(by_cid.value(), *address);
}

TEST(multiaddr, tolerates_trailing_slashes_only) {
    EXPECT_EQ(parse_multiaddr("/ip4/127.0.0.1/tcp/80/")->to_string(), "/ip4/127.0.0.1/tcp/80");
    EXPECT_FALSE(parse_multiaddr("/ip4/127.0.0.1//tcp/80"));
    EXPECT_FALSE(parse_multiaddr("//ip4/127.0.0.1"));
}

TEST(multiaddr, refuses_malformed_text) {
    for (const char* text : {"",
                             "/",
                             "//",
                             "ip4/127.0.0.1",
                             "/ip4",
                             "/ip4/",
                             "/ip4/127.0.0",
                             "/ip4/127.0.0.256",
                             "/ip4/localhost",
                             "/ip6/127.0.0.1",
                             "/ip6/::1%eth0",
                             "/tcp",
                             "/tcp/",
                             "/tcp/65536",
                             "/tcp/-1",
                             "/tcp/+1",
                             "/tcp/0x50",
                             "/tcp/80 ",
                             "/ipcidr/256",
                             "/memory/18446744073709551616",
                             "/dns4",
                             "/dns4/",
                             "/dns4/a\nb",
                             "/p2p",
                             "/p2p/",
                             "/p2p/Qm",
                             "/p2p/bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
                             "/certhash/b",
                             "/certhash/uAA",
                             "/unix",
                             "/unix/",
                             "/unix/a//b",
                             "/http-path/",
                             "/http-path/%2",
                             "/http-path/%zz",
                             "/ip4/127.0.0.1/tcp/4001/127.0.0.1"})
        EXPECT_FALSE(parse_multiaddr(text)) << text;
    EXPECT_EQ(parse_multiaddr("/ip4/1.2.3.4/carrier-pigeon/7").error().code,
              errc::unknown_protocol);
    EXPECT_EQ(parse_multiaddr("/p2p-circuit/ws/x").error().code, errc::unknown_protocol);
}

TEST(multiaddr, refuses_malformed_bytes) {
    for (const char* hex : {"", "04", "047f0000", "060f", "3500", "3501", "35012f", "350100",
                            "8400", "80", "a503", "a50300", "a503021200", "9003022f61a202",
                            "900301"
                            "2f",
                            "d20301"
                            "00",
                            "e10300", "ffffffffffffffffffff"})
        EXPECT_FALSE(parse_multiaddr(byte_view{unhex(hex)})) << hex;
    EXPECT_EQ(parse_multiaddr(byte_view{unhex("047f000001ffff03")}).error().code,
              errc::unknown_protocol);
}

TEST(multiaddr, bounds_the_length_of_both_forms) {
    // /dns4/<host>: 1 byte code, 2 bytes length
    const std::string longest(multiaddr_bytes_max - 3, 'a');
    const auto at = parse_multiaddr("/dns4/" + longest);
    ASSERT_TRUE(at);
    EXPECT_EQ(at->bytes().size(), multiaddr_bytes_max);
    EXPECT_TRUE(parse_multiaddr(at->bytes()));
    EXPECT_EQ(parse_multiaddr("/dns4/" + longest + "a").error().code, errc::too_long);
    auto over = to_bytes(at->bytes());
    append(over, unhex("a202"));
    EXPECT_EQ(parse_multiaddr(byte_view{over}).error().code, errc::too_long);
    EXPECT_EQ(parse_multiaddr("/" + std::string(multiaddr_text_max, '/')).error().code,
              errc::too_long);
}

TEST(multiaddr, splits_and_joins_the_peer) {
    const auto bare = parse_multiaddr("/ip4/127.0.0.1/tcp/4001").value();
    const auto id = parse_peer_id(peer_text).value();
    const auto other = parse_peer_id(rsa_peer_text).value();
    EXPECT_FALSE(bare.peer());
    EXPECT_EQ(bare.without_peer(), bare);
    const auto full = bare.with_peer(id);
    EXPECT_EQ(full.to_string(), std::string("/ip4/127.0.0.1/tcp/4001/p2p/") + peer_text);
    EXPECT_EQ(full.peer(), id);
    EXPECT_EQ(full.without_peer(), bare);
    EXPECT_EQ(full.with_peer(other).peer(), other);
    EXPECT_EQ(full.with_peer(other).without_peer(), bare);
    // The id of a relay in the middle is not the peer.
    const auto relayed = parse_multiaddr(full.to_string() + "/p2p-circuit").value();
    EXPECT_FALSE(relayed.peer());
    EXPECT_EQ(relayed.without_peer(), relayed);
    EXPECT_TRUE(multiaddr().empty());
    EXPECT_EQ(multiaddr().to_string(), "");
}

TEST(multiaddr, lists_its_components) {
    const auto address = parse_multiaddr("/dns4/example.com/tcp/443/tls/ws").value();
    const auto all = address.components();
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[0].code, protocol::dns4);
    EXPECT_EQ(all[0].text(), "example.com");
    EXPECT_EQ(all[1].code, protocol::tcp);
    EXPECT_EQ(all[1].text(), "443");
    EXPECT_EQ(all[3].code, protocol::ws);
    EXPECT_EQ(all[3].text(), "");
}
