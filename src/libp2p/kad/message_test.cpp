#include "libp2p/kad/message.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "libp2p/kad/peers_for_test.hpp"
#include "multiformats/protobuf.hpp"

using namespace dm;
using namespace dm::kad;

namespace {

const std::string spec_id =
    "0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
const std::string hello_hash =
    "1220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

peer_id spec_peer() {
    return *peer_id::from_bytes(*from_hex(spec_id));
}

}  // namespace

TEST(kad_key, is_the_hash_of_the_bytes) {
    EXPECT_EQ(to_hex(key_of(spec_peer()).bytes),
              "dfd53212a4bd2beda3ea8e82d08285370c70a70cfe9c588e28754b23c8033121");
    EXPECT_EQ(to_hex(key_of(multiformats::multihash::sha2_256(as_bytes("hello world"))).bytes),
              "d323dcae8bb357d0f7c6b6235109503d2ab0ca9dff4d45441b00ef2a722322c6");
}

TEST(kad_key, counts_the_bits_that_agree) {
    key a;
    key b;
    EXPECT_EQ(common_prefix_bits(a, b), 256u);
    b.bytes[31] = std::byte{1};
    EXPECT_EQ(common_prefix_bits(a, b), 255u);
    b.bytes[1] = std::byte{0x20};
    EXPECT_EQ(common_prefix_bits(a, b), 10u);
    b.bytes[0] = std::byte{0x80};
    EXPECT_EQ(common_prefix_bits(a, b), 0u);
    EXPECT_EQ(distance(a, b), b);
}

// Vectors: derived with the key of the specification, as go-libp2p-kad-dht writes them.
TEST(kad_message, has_the_bytes_of_the_specification) {
    EXPECT_EQ(to_hex(encode_message({.type = message_type::find_node, .key = *from_hex(spec_id)})),
              "08041226" + spec_id);
    EXPECT_EQ(
        to_hex(encode_message({.type = message_type::get_providers, .key = *from_hex(hello_hash)})),
        "08031222" + hello_hash);
    EXPECT_EQ(to_hex(encode_message(
                  {.type = message_type::add_provider,
                   .key = *from_hex(hello_hash),
                   .providers = {{spec_peer(), {address("/ip4/127.0.0.1/tcp/4001")}}}})),
              "08021222" + hello_hash + "4a320a26" + spec_id + "1208047f000001060fa1");
}

TEST(kad_message, reads_back_everything_it_writes) {
    message m{.type = message_type::get_value,
              .key = to_bytes("/ipns/x"),
              .record = record{to_bytes("/ipns/x"), to_bytes("value"), "2026-01-31T12:00:00Z"},
              .closer = {{spec_peer(), {address("/ip6/::1/tcp/1")}, connection::can_connect},
                         {peer(1), {}}},
              .providers = {{peer(2), {address("/dns4/a.example/tcp/2")}}}};
    const auto back = decode_message(encode_message(m));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, m);
}

TEST(kad_message, skips_peers_and_addresses_that_it_cannot_read) {
    bytes bad_address;
    multiformats::append_proto_bytes(bad_address, 1, spec_peer().bytes());
    multiformats::append_proto_bytes(bad_address, 2, *from_hex("ffff7f01"));
    multiformats::append_proto_bytes(bad_address, 2, address("/ip4/10.0.0.1/tcp/9").bytes());
    bytes bad_id;
    multiformats::append_proto_bytes(bad_id, 1, as_bytes("nobody"));
    bytes wire = *from_hex("0804");
    multiformats::append_proto_bytes(wire, 8, bad_id);
    multiformats::append_proto_bytes(wire, 8, bad_address);
    const auto m = decode_message(wire);
    ASSERT_TRUE(m);
    ASSERT_EQ(m->closer.size(), 1u);
    EXPECT_EQ(m->closer[0].addresses, std::vector{address("/ip4/10.0.0.1/tcp/9")});
}

TEST(kad_message, an_address_loses_the_peer_at_its_end) {
    bytes p;
    multiformats::append_proto_bytes(p, 1, spec_peer().bytes());
    multiformats::append_proto_bytes(p, 2,
                                     address("/ip4/10.0.0.1/tcp/9").with_peer(spec_peer()).bytes());
    bytes wire = *from_hex("0804");
    multiformats::append_proto_bytes(wire, 9, p);
    EXPECT_EQ(decode_message(wire)->providers.at(0).addresses,
              std::vector{address("/ip4/10.0.0.1/tcp/9")});
}

TEST(kad_message, keeps_as_many_peers_and_addresses_as_it_may) {
    message m{.type = message_type::find_node, .key = to_bytes("k")};
    for (unsigned i = 0; i < peers_max + 5; ++i)
        m.closer.push_back({peer(i), {}});
    m.closer[0].addresses.assign(addresses_max + 5, address("/ip4/10.0.0.1/tcp/9"));
    const auto back = decode_message(encode_message(m));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->closer.size(), peers_max);
    EXPECT_EQ(back->closer[0].addresses.size(), addresses_max);
}

TEST(kad_message, refuses_broken_messages) {
    for (const auto* hex : {"0807", "08", "0a0104", "1001", "1a020a05", "42020a05", "4a0108",
                            "080442020801", "08044202100142"})
        EXPECT_FALSE(decode_message(*from_hex(hex))) << hex;
    EXPECT_TRUE(decode_message({})) << "all fields are optional";
    EXPECT_TRUE(decode_message(*from_hex("0804500a7a0101"))) << "others are skipped";
}
