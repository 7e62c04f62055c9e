#include "content/bitswap/message.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

using namespace dm;
using namespace dm::bitswap;
using multiformats::codec;
using multiformats::hash_code;

namespace {

const std::string hello_cid =
    "01551220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

cid hello() {
    return cid::of(codec::raw, as_bytes("hello world"));
}

want want_of(want_type type, bool cancel = false) {
    return {
        .id = hello(), .priority = 1, .cancel = cancel, .type = type, .send_dont_have = !cancel};
}

std::string encoded(const message& m, version v = version::v1_2) {
    return to_hex(encode_message(m, v));
}

result<message> decode(const std::string& hex) {
    return decode_message(*from_hex(hex));
}

}  // namespace

// Vectors: derived from the schema, as boxo writes them.
TEST(bitswap_message, wants_have_the_bytes_of_the_specification) {
    EXPECT_EQ(encoded({.wants = {want_of(want_type::block)}}),
              "0a2c0a2a0a24" + hello_cid + "10012801");
    EXPECT_EQ(encoded({.wants = {want_of(want_type::have)}}),
              "0a2e0a2c0a24" + hello_cid + "100120012801");
    EXPECT_EQ(decode("0a2a0a280a24" + hello_cid + "1801")->wants.at(0),
              (want{.id = hello(), .priority = 1, .cancel = true}));
}

TEST(bitswap_message, blocks_and_presences_have_the_bytes_of_the_specification) {
    message m;
    m.blocks.push_back({prefix_of(hello()), as_bytes("hello world")});
    EXPECT_EQ(encoded(m), "0a001a130a0401551220120b68656c6c6f20776f726c64");
    EXPECT_EQ(encoded({.presences = {{hello(), true}}}), "0a0022260a24" + hello_cid);
    EXPECT_EQ(encoded({.presences = {{hello(), false}}}), "0a0022280a24" + hello_cid + "1001");
}

TEST(bitswap_message, reads_back_everything_it_writes) {
    message m;
    m.full = true;
    m.pending_bytes = 123456;
    m.wants = {want_of(want_type::block), want_of(want_type::have),
               want_of(want_type::block, true)};
    m.wants[0].priority = -5;
    m.wants[1].priority = INT32_MAX;
    m.presences = {{hello(), true}, {hello(), false}};
    m.blocks.push_back({prefix_of(hello()), as_bytes("hello world")});
    const auto wire = encode_message(m);
    const auto back = decode_message(wire);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->wants, m.wants);
    EXPECT_EQ(back->presences, m.presences);
    EXPECT_TRUE(back->full);
    EXPECT_EQ(back->pending_bytes, 123456);
    ASSERT_EQ(back->blocks.size(), 1u);
    EXPECT_EQ(*cid_of(back->blocks[0].prefix, back->blocks[0].data), hello());
}

TEST(bitswap_message, sizes_of_parts_are_what_they_take) {
    const auto none = encode_message({}).size();
    for (const auto& w : {want_of(want_type::block), want_of(want_type::have)})
        EXPECT_EQ(encode_message({.wants = {w}}).size(), none + encoded_size(w));
    for (const bool have : {true, false}) {
        const presence p{hello(), have};
        EXPECT_EQ(encode_message({.presences = {p}}).size(), none + encoded_size(p));
    }
    const bytes data(70'000);
    const block b{prefix_of(cid::of(codec::dag_pb, data)), data};
    EXPECT_EQ(encode_message({.blocks = {b}}).size(), none + encoded_size(b));
}

TEST(bitswap_message, old_versions_leave_out_what_they_have_no_form_for) {
    message m;
    m.wants = {want_of(want_type::block), want_of(want_type::have)};
    m.presences = {{hello(), false}};
    m.pending_bytes = 1;
    m.blocks.push_back({prefix_of(hello()), as_bytes("hello world")});
    auto back = *decode_message(encode_message(m, version::v1_1));
    ASSERT_EQ(back.wants.size(), 1u);
    EXPECT_FALSE(back.wants[0].send_dont_have);
    EXPECT_TRUE(back.presences.empty());
    EXPECT_EQ(back.blocks.size(), 1u);
    EXPECT_EQ(encoded({.blocks = m.blocks}, version::v1_0), "0a00120b68656c6c6f20776f726c64");
}

TEST(bitswap_message, a_bare_block_is_one_of_version_0) {
    const auto wire = *from_hex("120b68656c6c6f20776f726c64");
    const auto m = decode_message(wire);
    ASSERT_TRUE(m);
    ASSERT_EQ(m->blocks.size(), 1u);
    EXPECT_EQ(cid_of(m->blocks[0].prefix, m->blocks[0].data)->to_string(),
              cid::v0(multiformats::multihash::sha2_256(as_bytes("hello world"))).to_string());
}

TEST(bitswap_message, is_tolerant_of_empty_lists_and_unknown_fields) {
    EXPECT_TRUE(decode("")->empty());
    EXPECT_TRUE(decode("0a00")->empty());
    EXPECT_TRUE(decode("0a00"
                       "3a0178"
                       "4001")
                    ->empty());
    EXPECT_EQ(decode("0a2c0a2a0a24" + hello_cid +
                     "1801"
                     "3001")
                  ->wants.size(),
              1u);
}

TEST(bitswap_message, leaves_out_cids_that_nobody_may_ask_for) {
    // identity; md5 (0xd5); a digest of 8 bytes.
    for (const auto* id :
         {"01550000", "0155d50110000102030405060708090a0b0c0d0e0f", "015512080102030405060708"}) {
        message m;
        const auto raw = *from_hex(id);
        bytes entry;
        entry.push_back(std::byte{0x0a});
        entry.push_back(static_cast<std::byte>(raw.size()));
        append(entry, raw);
        bytes wire{std::byte{0x0a}, static_cast<std::byte>(entry.size() + 2), std::byte{0x0a},
                   static_cast<std::byte>(entry.size())};
        append(wire, entry);
        const auto read = decode_message(wire);
        ASSERT_TRUE(read) << id << " " << read.error().message();
        EXPECT_TRUE(read->wants.empty()) << id;
    }
}

TEST(bitswap_message, refuses_broken_messages) {
    EXPECT_FALSE(decode("0a")) << "length missing";
    EXPECT_FALSE(decode("0a05")) << "shorter than it says";
    EXPECT_FALSE(decode("0801")) << "wantlist is no number";
    EXPECT_FALSE(decode("0a020a00")) << "a want without CID";
    EXPECT_FALSE(
        decode("0a060a040a02"
               "0155"))
        << "a CID that is none";
    EXPECT_FALSE(decode("1a020a00")) << "a block without prefix";
    EXPECT_FALSE(
        decode("1a060a0401551220"
               "00"))
        << "cut";
    EXPECT_FALSE(
        decode("1a060a04"
               "02551220"))
        << "version 2";
    EXPECT_FALSE(
        decode("1a060a04"
               "00551220"))
        << "version 0 is dag-pb";
    EXPECT_FALSE(
        decode("1a070a05"
               "0155122000"))
        << "prefix goes on";
    EXPECT_FALSE(
        decode("2800"
               "0d"))
        << "cut field";
    EXPECT_FALSE(decode("2a0101")) << "pending bytes are a number";
}

TEST(bitswap_message, takes_the_largest_block_and_none_beyond) {
    const bytes data(block_bytes_max + 1);
    block b{prefix_of(hello()), byte_view(data).first(block_bytes_max)};
    EXPECT_TRUE(decode_message(encode_message({.blocks = {b}})));
    b.data = data;
    const auto refused = decode_message(encode_message({.blocks = {b}}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::malformed_block);
    EXPECT_FALSE(decode_message(encode_message({.blocks = {b}}, version::v1_0)));
}

TEST(bitswap_message, the_cid_of_a_block_is_computed_not_believed) {
    const auto data = as_bytes("hello world");
    EXPECT_EQ(*cid_of({1, codec::raw, hash_code::sha2_256, 32}, data), hello());
    EXPECT_TRUE(cid_of({1, codec::raw, hash_code::sha2_256, 20}, data)) << "cut short";
    EXPECT_FALSE(cid_of({1, codec::raw, hash_code::sha2_256, 19}, data)) << "too short to trust";
    EXPECT_FALSE(cid_of({1, codec::raw, hash_code::sha2_256, 33}, data)) << "longer than it is";
    EXPECT_FALSE(cid_of({1, codec::raw, hash_code::blake3, 32}, data)) << "not computed here";
}
