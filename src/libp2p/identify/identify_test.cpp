#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "libp2p/identify/message.hpp"
#include "libp2p/identify/peer_record.hpp"
#include "multiformats/protobuf.hpp"

using namespace dm;

namespace {

constexpr std::string_view spec_key =
    "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1"
    "ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";

crypto::private_key identity() {
    return multiformats::unmarshal_private_key(from_hex(spec_key).value()).value();
}

multiformats::multiaddr address(std::string_view text) {
    return multiformats::parse_multiaddr(text).value();
}

const std::vector<multiformats::multiaddr> two = {address("/ip4/127.0.0.1/tcp/4001"),
                                                  address("/ip4/192.0.2.1/udp/4001/quic-v1")};

identify::message example() {
    return {.public_key = multiformats::marshal(identity().public_key()),
            .listen_addresses = {address("/ip4/127.0.0.1/tcp/4001")},
            .protocols = {"/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"},
            .observed = address("/ip4/127.0.0.1/tcp/4567"),
            .protocol_version = "ipfs/0.1.0",
            .agent = "x/1",
            .signed_record = {}};
}

}  // namespace

TEST(identify, is_encoded_as_in_the_reference) {
    EXPECT_EQ(to_hex(identify::encode(example())),
              "0a24080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
              "1208047f000001060fa1"
              "1a0e2f697066732f69642f312e302e30"
              "1a102f697066732f70696e672f312e302e30"
              "2208047f0000010611d7"
              "2a0a697066732f302e312e303203782f31");
}

TEST(identify, is_read_back_in_one_piece_or_several) {
    identify::message read;
    ASSERT_TRUE(identify::merge(read, identify::encode(example())));
    EXPECT_EQ(read, example());

    identify::message more;
    more.agent = "y/2";
    more.protocol_version = "ipfs/0.1.0";
    more.protocols = {"/late/1"};
    ASSERT_TRUE(identify::merge(read, identify::encode(more)));
    EXPECT_EQ(read.agent, "y/2");
    EXPECT_EQ(read.protocols.size(), 3u);
    EXPECT_EQ(read.public_key, example().public_key);
}

TEST(identify, skips_addresses_that_it_cannot_read_and_refuses_broken_messages) {
    bytes data;
    multiformats::append_proto_bytes(data, 2, from_hex("ffff03").value());
    multiformats::append_proto_bytes(data, 2, address("/ip4/1.2.3.4/tcp/1").bytes());
    multiformats::append_proto_varint(data, 2, 7);
    identify::message read;
    ASSERT_TRUE(identify::merge(read, data));
    EXPECT_EQ(read.listen_addresses.size(), 1u);
    data.push_back(std::byte{0x0a});
    EXPECT_FALSE(identify::merge(read, data));
}

TEST(identify, keeps_only_so_much) {
    bytes data;
    for (std::size_t i = 0; i <= identify::protocols_max; ++i)
        multiformats::append_proto_bytes(data, 3, as_bytes("/p"));
    for (std::size_t i = 0; i <= identify::addresses_max; ++i)
        multiformats::append_proto_bytes(data, 2, address("/ip4/1.2.3.4/tcp/1").bytes());
    multiformats::append_proto_bytes(data, 6,
                                     as_bytes(std::string(identify::text_bytes_max + 1, 'a')));
    identify::message read;
    ASSERT_TRUE(identify::merge(read, data));
    EXPECT_EQ(read.protocols.size(), identify::protocols_max);
    EXPECT_EQ(read.listen_addresses.size(), identify::addresses_max);
    EXPECT_EQ(read.agent.size(), identify::text_bytes_max);
    bytes long_protocol;
    multiformats::append_proto_bytes(long_protocol, 3,
                                     as_bytes(std::string(identify::text_bytes_max + 1, 'p')));
    identify::message other;
    ASSERT_TRUE(identify::merge(other, long_protocol));
    EXPECT_TRUE(other.protocols.empty());
}

TEST(peer_record, is_sealed_as_in_the_reference) {
    const auto envelope = to_hex(identify::seal(identity(), 1, two));
    const std::string record =
        "0a260024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e10011a0a0a"
        "08047f000001060fa11a0d0a0b04c000020191020fa1cd03";
    EXPECT_EQ(
        envelope,
        "0a24080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e12020301"
        "1a45" +
            record +
            "2a4066498d5b297d3aa89b337ec1b867e22b9b695ac38afee4d589b692c741734be676d5a8455d135"
            "6bea269b219e6354f351ee7b5b2f6b77acab128ebfe24ea1703");
}

TEST(peer_record, is_opened_only_when_its_own_peer_signed_it) {
    const auto envelope = identify::seal(identity(), 7, two);
    const auto record = identify::open(envelope).value();
    EXPECT_EQ(record.sequence, 7u);
    EXPECT_EQ(record.addresses, two);
    EXPECT_EQ(record.peer, multiformats::peer_id(identity().public_key()));
    for (std::size_t i = 0; i < envelope.size(); ++i) {
        auto changed = envelope;
        changed[i] ^= std::byte{1};
        EXPECT_FALSE(identify::open(changed)) << i;
    }
}
