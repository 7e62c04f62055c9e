#include "multiformats/cid.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

#include "base/hex_for_test.hpp"
#include "multiformats/dockerize.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

constexpr const char* hello_binary =
    "01551220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
constexpr const char* hello_text = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
constexpr const char* v0_text = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";
constexpr const char* v0_binary =
    "1220f852c7fa62f971817f54d8a80dcd63fcf7098b3cbde9ae8ec1ee449013ec5db0";
constexpr const char* v0_as_v1 = "bafybeihykld7uyxzogax6vgyvag42y7464eywpf55gxi5qpoisibh3c5wa";

}  // namespace

TEST(cid, prints_hello_world_in_every_base_of_the_reference) {
    const auto c = cid::of(codec::raw, as_bytes("hello world"));
    EXPECT_EQ(c.to_string(), hello_text);
    EXPECT_EQ(to_hex(c.to_bytes()), hello_binary);
    EXPECT_EQ(c.to_string(multibase::base58btc),
              "zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn");
    EXPECT_EQ(c.to_string(multibase::base36),
              "k2cwued9o1pvrt3q271rrqbo49x30tbxwpoeaq75z14e5ui2rzygpbe1");
    for (const auto base : {multibase::base32, multibase::base58btc, multibase::base36,
                            multibase::base16_upper, multibase::base32_upper, multibase::base64url})
        EXPECT_EQ(parse_cid(c.to_string(base)).value(), c);
}

TEST(cid, reads_version_0_and_names_the_same_block_in_version_1) {
    const auto c = parse_cid(v0_text);
    ASSERT_TRUE(c);
    EXPECT_EQ(c->version(), 0);
    EXPECT_EQ(c->codec(), codec::dag_pb);
    EXPECT_EQ(to_hex(c->to_bytes()), v0_binary);
    EXPECT_EQ(c->to_string(), v0_text);
    const auto v1 = c->to_v1();
    EXPECT_EQ(v1.to_string(), v0_as_v1);
    EXPECT_EQ(to_hex(v1.to_bytes()), std::string("0170") + v0_binary);
    EXPECT_NE(v1, *c);
    EXPECT_EQ(v1.hash(), c->hash());
}

TEST(cid, is_the_gateway_probe_by_default) {
    EXPECT_EQ(cid().to_string(), "bafkqaaa");
    EXPECT_EQ(to_hex(cid().to_bytes()), "01550000");
    EXPECT_EQ(parse_cid("bafkqaaa").value(), cid());
}

TEST(cid, says_how_many_bytes_it_took_from_a_stream) {
    auto stream = unhex(std::string(v0_binary) + hello_binary + "ffff");
    const auto first = read_cid(stream);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->size, 34u);
    const auto second = read_cid(byte_view{stream}.subspan(first->size));
    ASSERT_TRUE(second);
    EXPECT_EQ(second->size, 36u);
    EXPECT_EQ(second->value.to_string(), hello_text);
    // a two-byte codec: dag-json, identity of nothing
    EXPECT_EQ(read_cid(unhex("01a9020000ff")).value().size, 5u);
}

TEST(cid, tells_short_input_from_bad_input) {
    for (const char* hex : {v0_binary, hello_binary}) {
        const auto whole = unhex(hex);
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_EQ(read_cid(byte_view{whole}.first(size)).error().code, errc::truncated) << size;
    }
    EXPECT_EQ(parse_cid(byte_view{unhex("00550000")}).error().code, errc::malformed_cid);
    EXPECT_EQ(parse_cid(byte_view{unhex("02550000")}).error().code, errc::malformed_cid);
    EXPECT_EQ(parse_cid(byte_view{unhex("0155000000")}).error().code, errc::malformed_cid);
    EXPECT_EQ(parse_cid(byte_view{unhex("8100550000")}).error().code, errc::malformed_varint);
    EXPECT_EQ(parse_cid(byte_view{unhex("0180808080100000")}).error().code, errc::malformed_cid);
}

TEST(cid, refuses_text_that_is_no_cid) {
    const auto wrapped_v0 = multibase_encode(multibase::base32, unhex(v0_binary));
    const std::string hello = hello_text;
    for (const std::string& text :
         {std::string(""), std::string("Q"), std::string("b"), std::string("busybox"),
          std::string("/ipfs/") + hello, hello + " ", hello.substr(0, 58), hello + "a", wrapped_v0,
          std::string("z") + v0_text, std::string(v0_text).substr(1), std::string(v0_text) + "1",
          std::string(46, '1'), "Qm" + std::string(44, '1'), "Qm" + std::string(44, 'z'),
          "Qm" + std::string(44, 'l')})
        EXPECT_FALSE(parse_cid(text)) << text;
}

TEST(cid, refuses_text_over_the_limit) {
    // The longest identity CID still fits in the longest base.
    const cid longest(codec::raw, multihash(hash_code::identity, bytes(multihash_digest_max)));
    EXPECT_EQ(parse_cid(longest.to_string(multibase::base16)).value(), longest);
    EXPECT_EQ(parse_cid(longest.to_string(multibase::base36)).value(), longest);
    EXPECT_EQ(parse_cid("f" + std::string(cid_text_max, '0')).error().code, errc::too_long);
}

TEST(cid, carries_small_blocks_itself) {
    const cid c(codec::raw, hash_content(hash_code::identity, as_bytes("tiny")).value());
    EXPECT_EQ(as_chars(*inlined_block(c)), "tiny");
    const auto hashed = cid::of(codec::raw, as_bytes("tiny"));
    EXPECT_FALSE(inlined_block(hashed));
}

TEST(cid, works_as_a_key) {
    std::unordered_set<cid> set;
    set.insert(parse_cid(v0_text).value());
    set.insert(parse_cid(v0_as_v1).value());
    set.insert(parse_cid(v0_text).value());
    EXPECT_EQ(set.size(), 2u);
    EXPECT_LE(sizeof(cid), 64u);
    EXPECT_EQ(parse_cid(hello_text)->encoded_size(), 36u);
}

// The names of the original IPDR: upstream's unit test, its README, and two image roots.
TEST(dockerize, gives_the_names_of_the_original) {
    const struct {
        const char *text, *v1, *name;
    } vectors[] = {{"QmaCm7VNsmM61FApFevTcJ1PxPabmfY4Tf2dFjpAdVdHLF",
                    "bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq",
                    "ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa"},
                   {"QmYMg6WAuvF5i5yFmjT8KkqewZ5Ngh4U9Mp1bGfdjraFVk",
                    "bafybeieu3achjmrtbaajlwftu2igtqrjtleeym7olo7ofy4smesmrkqu6m",
                    "ciqjjwaeoszdgcaasxmlhjuqnhbctgwijqz64w564lrzeyjezcvbj4y"},
                   {"bafybeiakvswzlopeu573372p5xry47tkc2hhcg5q5rulmbfrnkecrbnt3y",
                    "bafybeiakvswzlopeu573372p5xry47tkc2hhcg5q5rulmbfrnkecrbnt3y",
                    "ciqavlfnsw46jj37xx7u73pdrz7gufuooen3b3diwyclc2uifcc3hxq"},
                   {"QmXVpDJQM4TE8VC1hr82cESzyjn4PNpGYwKrWYWawX5iJf",
                    "bafybeieicit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq",
                    "ciqiqerhwpyacpp3lhkayqdgzfbzjbntmfpxu7ymi45jd4nqdg6gfra"}};
    for (const auto& [text, v1, name] : vectors) {
        EXPECT_EQ(dockerize(parse_cid(text).value()).value(), name);
        EXPECT_EQ(dockerize(parse_cid(v1).value()).value(), name);
        EXPECT_EQ(undockerize(name).value().to_string(), v1);
        EXPECT_FALSE(parse_cid(name)) << "a ciq name must not be taken for a CID";
    }
}

TEST(dockerize, refuses_roots_that_the_form_cannot_express) {
    EXPECT_EQ(dockerize(parse_cid(hello_text).value()).error().code, errc::malformed_name);
    EXPECT_FALSE(dockerize(cid(codec::dag_pb, hash_content(hash_code::sha2_512, {}).value())));
    EXPECT_FALSE(dockerize(cid(codec::dag_pb, multihash(hash_code::sha2_256, bytes(31)))));
}

TEST(dockerize, accepts_only_the_55_letter_form) {
    const std::string good = "ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa";
    ASSERT_EQ(good.size(), dockerized_letters);
    ASSERT_TRUE(undockerize(good));
    std::string upper = good;
    upper[0] = 'C';
    for (const std::string& bad :
         {std::string(), std::string("busybox"), good + "=", good + "a", good.substr(1), upper,
          "b" + good, good.substr(0, 54) + "b", "d" + good.substr(1), good.substr(0, 54) + "1"})
        EXPECT_FALSE(undockerize(bad)) << bad;
}
