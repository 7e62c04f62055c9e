#include "multiformats/peer_id.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/hex_for_test.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

/// The test vectors of libp2p/specs peer-ids.md: "<type>_{private,public}_key" -> protobuf.
const std::map<std::string, bytes>& spec_keys() {
    static const auto keys = [] {
        std::map<std::string, bytes> out;
        std::ifstream file("src/multiformats/testdata/keys.txt");
        std::string name, hex;
        while (file >> name >> hex)
            out[name] = unhex(hex);
        return out;
    }();
    return keys;
}

constexpr const char* ed25519_id = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";
constexpr const char* ed25519_multihash =
    "0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";

}  // namespace

TEST(keys, give_the_public_half_of_every_spec_vector_and_sign_with_it) {
    for (const std::string type : {"ed25519", "secp256k1", "ecdsa", "rsa"}) {
        const auto& serialised = spec_keys().at(type + "_private_key");
        const auto key = unmarshal_private_key(serialised);
        ASSERT_TRUE(key) << type << ": " << key.error().message();
        EXPECT_EQ(crypto::name_of(key->type()), type);
        EXPECT_EQ(marshal(*key), serialised) << type;
        EXPECT_EQ(marshal(key->public_key()), spec_keys().at(type + "_public_key")) << type;

        const auto message = to_bytes("to be signed");
        const auto signature = key->sign(message);
        const auto pub = unmarshal_public_key(spec_keys().at(type + "_public_key"));
        ASSERT_TRUE(pub) << type;
        EXPECT_TRUE(pub->verify(message, signature)) << type;
        EXPECT_FALSE(pub->verify(as_bytes("to be resigned"), signature)) << type;
        auto changed = signature;
        changed.back() ^= std::byte{1};
        EXPECT_FALSE(pub->verify(message, changed)) << type;
    }
}

TEST(keys, refuse_every_other_spelling_of_the_protobuf) {
    const auto good = spec_keys().at("ed25519_public_key");
    const auto data = to_hex(byte_view{good}.subspan(2));  // 12 20 …
    ASSERT_TRUE(unmarshal_public_key(good));
    for (const std::string& hex :
         {std::string(), std::string("0801"), data, data + "0801", "0801" + data + "1800",
          "08010801" + data, "088100" + data, "0801" + data + data, "0804" + data, "0800" + data,
          "0802" + data, "0803" + data, "0801121f" + data.substr(4, 62), "0d01000000" + data,
          "08011221" + data.substr(4) + "00"})
        EXPECT_FALSE(unmarshal_public_key(unhex(hex))) << hex;
}

TEST(peer_id, is_derived_from_every_spec_key) {
    const std::pair<const char*, const char*> ids[] = {
        {"ed25519_public_key", ed25519_id},
        {"secp256k1_public_key", "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY"},
        {"ecdsa_public_key", "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk"},
        {"rsa_public_key", "QmaeANgBs1DTSxWSrPPtobgQuxW8XTfsS4ydbK4rCHzqxG"}};
    for (const auto& [name, text] : ids) {
        const auto key = unmarshal_public_key(spec_keys().at(name));
        ASSERT_TRUE(key) << name;
        const peer_id id(*key);
        EXPECT_EQ(id.to_string(), text);
        EXPECT_TRUE(id.matches(*key));
        EXPECT_EQ(parse_peer_id(text).value(), id);
        const auto inlined = id.inlined_key();
        EXPECT_EQ(inlined.has_value(), !std::string_view(text).starts_with("Qm")) << text;
        if (inlined) {
            EXPECT_EQ(*inlined, *key);
        }
    }
}

TEST(peer_id, has_both_text_forms_of_the_reference) {
    const auto id = parse_peer_id(ed25519_id);
    ASSERT_TRUE(id);
    EXPECT_EQ(to_hex(id->bytes()), ed25519_multihash);
    EXPECT_EQ(id->to_cid().to_string(),
              "bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6");
    EXPECT_EQ(id->to_cid().to_string(multibase::base36),
              "k51qzi5uqu5dgy8qsq67hbz73jqkw87l3fgf4a91qb0d9b5173tir7n4vxk1oe");
    EXPECT_EQ(to_hex(id->to_cid().to_bytes()), std::string("0172") + ed25519_multihash);

    const auto hashed = parse_peer_id("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
    ASSERT_TRUE(hashed);
    EXPECT_EQ(to_hex(hashed->bytes()),
              "12209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9");
    EXPECT_EQ(hashed->to_cid().to_string(),
              "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe");
    EXPECT_FALSE(hashed->inlined_key());
    EXPECT_EQ(
        to_hex(parse_peer_id("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")->bytes()),
        "0024080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336b");

    for (const auto base :
         {multibase::base32, multibase::base36, multibase::base58btc, multibase::base16}) {
        EXPECT_EQ(parse_peer_id(id->to_cid().to_string(base)).value(), *id);
        EXPECT_EQ(parse_peer_id(hashed->to_cid().to_string(base)).value(), *hashed);
    }
    EXPECT_EQ(
        parse_peer_id("bafzbeifwzcumbiyql7bhv7fe7mixg6i7aohegq75k234m63bnw6dbicmzu")->to_string(),
        "QmaeANgBs1DTSxWSrPPtobgQuxW8XTfsS4ydbK4rCHzqxG");
}

TEST(peer_id, refuses_what_is_none) {
    for (const char* text :
         {"", "1", "11", "Qm", "hello", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5",
          "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5O",
          // CIDs of other codecs: dag-pb, raw
          "bafybeihykld7uyxzogax6vgyvag42y7464eywpf55gxi5qpoisibh3c5wa",
          "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"})
        EXPECT_FALSE(parse_peer_id(text)) << text;
    for (const char* hex : {"", "0000",
                            "1214"
                            "0000000000000000000000000000000000000000"})
        EXPECT_FALSE(peer_id::from_bytes(unhex(hex))) << hex;
}

TEST(peer_id, inlines_keys_up_to_the_limit) {
    const multihash at(hash_code::identity, bytes(inlined_key_max));
    EXPECT_TRUE(peer_id::from_bytes(at.to_bytes()));
    const multihash over(hash_code::identity, bytes(inlined_key_max + 1));
    EXPECT_FALSE(peer_id::from_bytes(over.to_bytes()));
    EXPECT_FALSE(peer_id::from_bytes(at.to_bytes())->inlined_key()) << "not a key, and no crash";
}
