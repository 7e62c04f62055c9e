#include "crypto/hash.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

using namespace dm;
using namespace dm::crypto;

namespace {

// FIPS 180-4 examples, as NIST publishes them.
constexpr const char* abc_sha256 =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* abc_sha512 =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

bytes pattern(std::size_t size) {
    bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i * 31 + (i >> 8) * 7);
    return out;
}

}  // namespace

TEST(hash, gives_the_published_digests) {
    EXPECT_EQ(hash_of(hash_algorithm::sha256, as_bytes("abc")).hex(), abc_sha256);
    EXPECT_EQ(hash_of(hash_algorithm::sha512, as_bytes("abc")).hex(), abc_sha512);
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))), abc_sha256);
    EXPECT_EQ(to_hex(sha256({})),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(hash, continues_from_a_state_saved_at_any_byte) {
    const auto data = pattern(400);
    for (const auto algorithm : {hash_algorithm::sha256, hash_algorithm::sha512}) {
        const auto whole = hash_of(algorithm, data);
        for (std::size_t cut = 0; cut <= data.size(); ++cut) {
            hasher first(algorithm);
            first.update(byte_view{data}.first(cut));
            const auto state = first.state();
            ASSERT_LE(state.size(), hasher::state_bytes_max);
            auto second = hasher::from_state(state);
            ASSERT_TRUE(second) << cut;
            EXPECT_EQ(second->size(), cut);
            EXPECT_EQ(second->state(), state);
            second->update(byte_view{data}.subspan(cut));
            EXPECT_EQ(second->finish(), whole) << cut;
        }
    }
}

TEST(hash, counts_past_four_gibibytes_in_a_restored_state) {
    // 2^32 bytes + 5 are not hashed here: a state that claims them must survive the round trip, and
    // the length must reach the padding, so that two sizes give two digests.
    hasher small(hash_algorithm::sha256);
    small.update(pattern(5));
    auto state = small.state();
    state[4] = std::byte{1};  // size += 2^32
    auto large = hasher::from_state(state);
    ASSERT_TRUE(large);
    EXPECT_EQ(large->size(), (1ull << 32) + 5);
    EXPECT_EQ(large->state(), state);
    EXPECT_NE(large->finish(), small.finish());
}

TEST(hash, state_reaches_its_longest_form) {
    hasher h(hash_algorithm::sha512);
    h.update(pattern(127));
    EXPECT_EQ(h.state().size(), hasher::state_bytes_max);
}

TEST(hash, refuses_damaged_states) {
    hasher h(hash_algorithm::sha256);
    h.update(pattern(70));
    const auto good = h.state();
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(hasher::from_state(byte_view{good}.first(size))) << size;
    auto longer = good;
    longer.push_back({});
    EXPECT_FALSE(hasher::from_state(longer));
    auto other_version = good;
    other_version[0] = std::byte{9};
    EXPECT_FALSE(hasher::from_state(other_version));
    auto huge = good;
    huge[1] = std::byte{0x80};
    EXPECT_FALSE(hasher::from_state(huge));
}

TEST(digest, reads_and_prints_sha256_and_sha512) {
    for (const auto& text :
         {std::string("sha256:") + abc_sha256, std::string("sha512:") + abc_sha512}) {
        const auto d = parse_digest(text);
        ASSERT_TRUE(d) << text;
        EXPECT_EQ(d->to_string(), text);
    }
    EXPECT_EQ(*parse_digest(std::string("sha256:") + abc_sha256),
              hash_of(hash_algorithm::sha256, as_bytes("abc")));
}

TEST(digest, tells_unsupported_algorithms_from_malformed_text) {
    for (const char* text :
         {"sha384:abcdef", "md5:00", "multihash+base58:QmRZ", "sha256+b64:aGk="}) {
        const auto d = parse_digest(text);
        ASSERT_FALSE(d) << text;
        EXPECT_EQ(d.error().code, errc::unsupported_algorithm) << text;
    }
    const std::string hex = abc_sha256;
    const std::vector<std::string> malformed = {"",
                                                "sha256",
                                                "sha256:",
                                                ":" + hex,
                                                hex,
                                                "sha256:" + hex.substr(1),
                                                "sha256:" + hex + "0",
                                                "sha256:" + hex.substr(1) + "A",
                                                "SHA256:" + hex,
                                                "sha256:" + hex.substr(1) + "g",
                                                "-sha:00",
                                                "sha--x:00",
                                                "sha-:00",
                                                "sha256:" + hex.substr(1) + "/",
                                                "sha512:" + hex,
                                                " sha256:" + hex,
                                                "sha256:" + hex + "\n"};
    for (const auto& text : malformed) {
        const auto d = parse_digest(text);
        ASSERT_FALSE(d) << text;
        EXPECT_EQ(d.error().code, errc::malformed_digest) << text;
    }
}

TEST(digest, refuses_text_over_the_limit_before_looking_at_it) {
    const auto at = parse_digest("x:" + std::string(digest_text_max - 2, 'a'));
    EXPECT_EQ(at.error().code, errc::unsupported_algorithm);
    const auto over = parse_digest("x:" + std::string(digest_text_max - 1, 'a'));
    EXPECT_EQ(over.error().code, errc::malformed_digest);
}

TEST(digest, orders_by_algorithm_and_bytes) {
    const auto a = hash_of(hash_algorithm::sha256, as_bytes("a"));
    const auto b = hash_of(hash_algorithm::sha256, as_bytes("b"));
    const auto wide = hash_of(hash_algorithm::sha512, as_bytes("a"));
    EXPECT_LT(b, a);  // 3e23… < ca97…
    EXPECT_LT(a, wide);
    EXPECT_NE(std::hash<digest>{}(a), std::hash<digest>{}(b));
    EXPECT_EQ(a, hash_of(hash_algorithm::sha256, as_bytes("a")));
}
