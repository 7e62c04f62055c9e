#include "multiformats/multihash.hpp"

#include <gtest/gtest.h>

#include "base/hex_for_test.hpp"
#include "multiformats/multibase.hpp"

using namespace dm;
using namespace dm::multiformats;

TEST(multihash, gives_the_vectors_of_the_spec) {
    const auto hash = multihash::sha2_256(as_bytes("multihash"));
    EXPECT_EQ(to_hex(hash.to_bytes()),
              "12209cbc07c3f991725836a3aa2a581ca2029198aa420b9d99bc0e131d9f3e2cbe47");
    EXPECT_EQ(base58_encode(hash.to_bytes()), "QmYtUc4iTCbbfVSDNKvtQqrfyezPPnFvE33wFmutw9PBBk");
    const auto sha1 = parse_multihash(unhex("111488c2f11fb2ce392acb5b2986e640211c4690073e"));
    ASSERT_TRUE(sha1);
    EXPECT_EQ(sha1->code(), hash_code::sha1);
    EXPECT_EQ(to_hex(sha1->digest()), "88c2f11fb2ce392acb5b2986e640211c4690073e");
}

TEST(multihash, keeps_long_digests_in_copies) {
    const bytes content(multihash_digest_max, std::byte{7});
    const auto hash = hash_content(hash_code::identity, content);
    ASSERT_TRUE(hash);
    const auto copy = *hash;
    EXPECT_EQ(to_bytes(copy.digest()), content);
    EXPECT_EQ(copy, *hash);
    EXPECT_EQ(copy.to_bytes().size(), copy.encoded_size());
    EXPECT_EQ(parse_multihash(copy.to_bytes()).value(), *hash);
    EXPECT_EQ(std::hash<multihash>{}(copy), std::hash<multihash>{}(*hash));
}

TEST(multihash, refuses_content_and_digests_over_the_limit) {
    const bytes content(multihash_digest_max + 1);
    EXPECT_EQ(hash_content(hash_code::identity, content).error().code, errc::too_long);
    auto binary = unhex("008101");
    append(binary, content);
    EXPECT_EQ(parse_multihash(binary).error().code, errc::too_long);
}

TEST(multihash, tells_short_input_from_bad_input) {
    const auto good = multihash::sha2_256({}).to_bytes();
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_EQ(read_multihash(byte_view{good}.first(size)).error().code, errc::truncated);
    auto longer = good;
    longer.push_back({});
    EXPECT_EQ(read_multihash(longer).value().size, good.size());
    EXPECT_EQ(parse_multihash(longer).error().code, errc::malformed_multihash);
    EXPECT_EQ(parse_multihash(unhex("928000")).error().code, errc::malformed_varint);
    EXPECT_EQ(parse_multihash(unhex("808080801000")).error().code, errc::unsupported_hash);
}

TEST(multihash, checks_content_against_every_function_it_computes) {
    const auto content = as_bytes("some block");
    for (const auto code : {hash_code::identity, hash_code::sha2_256, hash_code::sha2_512,
                            hash_code::double_sha2_256}) {
        const auto hash = hash_content(code, content);
        ASSERT_TRUE(hash);
        EXPECT_TRUE(names_content(*hash, content).value());
        EXPECT_FALSE(names_content(*hash, as_bytes("some blocK")).value());
    }
    EXPECT_EQ(names_content(multihash(hash_code::blake3, bytes(32)), content).error().code,
              errc::unsupported_hash);
}

TEST(multihash, compares_shortened_digests_down_to_the_trusted_minimum) {
    const auto content = as_bytes("some block");
    const auto full = multihash::sha2_256(content);
    const multihash shortened(hash_code::sha2_256, full.digest().first(trusted_digest_min));
    EXPECT_TRUE(names_content(shortened, content).value());
    const multihash shorter(hash_code::sha2_256, full.digest().first(trusted_digest_min - 1));
    EXPECT_FALSE(names_content(shorter, content).value());
    EXPECT_FALSE(names_content(multihash(hash_code::sha2_256, {}), content).value());
    EXPECT_FALSE(names_content(multihash(hash_code::sha2_256, bytes(33)), content).value());
}

TEST(multihash, trusts_the_functions_that_kubo_allows) {
    EXPECT_TRUE(is_trusted(multihash::sha2_256({})));
    EXPECT_TRUE(is_trusted({hash_code::identity, bytes(multihash_digest_max)}));
    EXPECT_TRUE(is_trusted({hash_code::blake2b_256, bytes(32)}));
    EXPECT_FALSE(is_trusted({hash_code::sha2_256, bytes(trusted_digest_min - 1)}));
    EXPECT_FALSE(is_trusted({hash_code::murmur3_x64_64, bytes(32)}));
    EXPECT_FALSE(is_trusted({hash_code::blake2b_8, bytes(32)}));
    EXPECT_FALSE(is_trusted({hash_code::sha2_384, bytes(48)}));
    EXPECT_FALSE(is_trusted({static_cast<hash_code>(0xd5), bytes(20)}));  // md5
}
