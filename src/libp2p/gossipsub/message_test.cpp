#include "libp2p/gossipsub/message.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "libp2p/gossipsub/fields.hpp"
#include "multiformats/protobuf.hpp"

using namespace dm;
using namespace dm::gossipsub;

namespace {

const char* const spec_key =
    "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1ed1e8fae2c4a144b8be8fd4b47bf3"
    "d"
    "3b34b871c3cacf6010f0e42d474fce27e";

crypto::private_key key() {
    return *crypto::private_key::from_data(crypto::key_type::ed25519, *from_hex(spec_key));
}

message hello() {
    return make_message(key(), 1, "test", as_bytes("hello"));
}

errc why(const message& m) {
    return static_cast<errc>(verify(m).error().code.value());
}

}  // namespace

TEST(gossipsub_message, is_signed_as_the_reference_says) {
    const auto m = hello();
    EXPECT_EQ(to_hex(signed_bytes(m)),
              to_hex(as_bytes("libp2p-pubsub:")) +
                  "0a260024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
                  "120568656c6c6f1a080000000000000001220474657374");
    EXPECT_EQ(to_hex(m.signature),
              "f05e62a21b5f1f89b4ab356feb34c493746a2af8ef2fa03b9fd4956fb40d3c279b1eae5153c6b28dce3b"
              "2f9bed546dc1cfd5a71513af0aa38ee38d31675ac30f");
    const auto wire = encode_rpc({.control = {}, .messages = {m}});
    EXPECT_EQ(to_hex(byte_view(wire).first(3)), "128101");
    EXPECT_EQ(*verify(m), peer_id(key().public_key()));
    EXPECT_TRUE(m.key.empty());
    EXPECT_EQ(to_hex(as_bytes(id_of(m))),
              "0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
              "0000000000000001");
}

TEST(gossipsub_message, control_is_written_as_the_reference_says) {
    EXPECT_EQ(to_hex(encode_rpc({.control = {.grafts = {"test"}}, .messages = {}})),
              "1a081a060a0474657374");
    EXPECT_EQ(to_hex(encode_rpc(
                  {.control = {.prunes = {{"test", std::chrono::seconds(60)}}}, .messages = {}})),
              "1a0a22080a0474657374183c");
}

TEST(gossipsub_message, every_field_counts) {
    const auto good = hello();
    for (int i = 0; i < 5; ++i) {
        auto m = good;
        if (i == 0)
            m.data = to_bytes("jello");
        if (i == 1)
            m.topic = "best";
        if (i == 2)
            m.seqno.back() = std::byte{2};
        if (i == 3)
            m.signature.front() ^= std::byte{1};
        if (i == 4)
            m.key = multiformats::marshal(crypto::private_key::generate().public_key());
        EXPECT_EQ(why(m), errc::bad_signature) << i;
    }
    auto no_data = good;
    no_data.data.reset();
    EXPECT_EQ(why(no_data), errc::bad_signature);
}

TEST(gossipsub_message, an_incomplete_one_is_none) {
    for (int i = 0; i < 6; ++i) {
        auto m = hello();
        if (i == 0)
            m.from.clear();
        if (i == 1)
            m.seqno.pop_back();
        if (i == 2)
            m.topic.clear();
        if (i == 3)
            m.signature.clear();
        if (i == 4)
            m.key = to_bytes("no key");
        if (i == 5)
            m.topic = std::string(topic_bytes_max + 1, 't');
        EXPECT_EQ(why(m), errc::malformed_message) << i;
    }
}

TEST(gossipsub_message, empty_data_is_not_absent_data) {
    const auto m = make_message(key(), 1, "test", {});
    ASSERT_TRUE(m.data);
    const auto again = decode_rpc(encode_rpc({.control = {}, .messages = {m}}));
    EXPECT_EQ(again->messages.at(0), m);
    EXPECT_TRUE(verify(again->messages.at(0)));
}

TEST(gossipsub_message, unknown_fields_and_long_topics_are_left_out) {
    bytes wire;
    multiformats::append_proto_varint(wire, 10, 1);
    append_control(wire, {.subscriptions = {{true, std::string(topic_bytes_max + 1, 't')},
                                            {true, std::string(topic_bytes_max, 't')}},
                          .haves = {{"t",
                                     {std::string(message_id_bytes_max + 1, 'i'),
                                      std::string(message_id_bytes_max, 'i')}}}});
    const auto r = decode_rpc(wire);
    ASSERT_TRUE(r);
    EXPECT_EQ(r->control.subscriptions.size(), 1u);
    EXPECT_EQ(r->control.haves.at(0).ids.size(), 1u);
}

TEST(gossipsub_message, reads_so_many_items_and_no_more) {
    rpc many;
    for (std::size_t i = 0; i < subscriptions_max + 1; ++i)
        many.control.subscriptions.push_back({true, "t"});
    for (std::size_t i = 0; i < controls_max + 1; ++i) {
        many.control.grafts.push_back("t");
        many.control.prunes.push_back({"t", {}});
    }
    for (std::size_t i = 0; i < ids_max + 1; ++i)
        many.control.wants.push_back("i");
    for (std::size_t i = 0; i < messages_max + 1; ++i)
        many.messages.push_back({.from = {}, .seqno = {}, .topic = "t"});
    const auto r = decode_rpc(encode_rpc(many));
    ASSERT_TRUE(r);
    EXPECT_EQ(r->control.subscriptions.size(), subscriptions_max);
    EXPECT_EQ(r->control.grafts.size(), controls_max);
    EXPECT_EQ(r->control.prunes.size(), controls_max);
    EXPECT_EQ(r->control.wants.size(), ids_max);
    EXPECT_EQ(r->messages.size(), messages_max);
}

TEST(gossipsub_message, broken_rpcs_are_refused) {
    for (const auto* text : {"0a", "0a0908", "08", "1801", "12020a05", "1a020a01", "0b"})
        EXPECT_FALSE(decode_rpc(*from_hex(text))) << text;
    EXPECT_TRUE(decode_rpc({}));
}
