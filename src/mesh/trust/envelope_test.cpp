#include "mesh/trust/envelope.hpp"

#include <gtest/gtest.h>

#include "crypto/base64.hpp"

using namespace dm;
using namespace dm::trust;

namespace {

crypto::private_key key_of(std::uint8_t n) {
    std::array<std::byte, crypto::ed25519_seed_size> seed{};
    seed[0] = static_cast<std::byte>(n);
    return crypto::private_key::from_seed(seed);
}

constexpr std::string_view key = "/dm1/strategy/0123456789abcdef/rec";
constexpr std::string_view record = R"({"v":1,"percentage":50,"nametag":"busybox:1.35.0"})";

std::string with(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST(signed_record, is_what_the_golden_vectors_say) {
    EXPECT_EQ(
        *seal(key_of(1), key, record, 1'700'000'000'000),
        R"({"author":"12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X",)"
        R"("nametag":"busybox:1.35.0","percentage":50,"seq":1700000000000,"v":1,)"
        R"("sig":"cnbypC23uRMZWEh4Pk7bI6S9mqJYk0AHLPgFMdOfxc3KnmyCZIjvlkmG0cEGJRQatvRC5hNjeqP)"
        R"(en53qsXDrBg=="})");
    EXPECT_EQ(
        seal_deletion(key_of(1), key, 1'700'000'000'001),
        R"({"author":"12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X","deleted":true,)"
        R"("seq":1700000000001,"v":1,)"
        R"("sig":"Wyv6QuwPsMcTKWNTzedSXerUi6xwjzO9MarI7yVz1Be6pCJ+AMjn1IjNfCRomuAkxhzHr3fdHX2)"
        R"(k7Sg0lbweBw=="})");
}

TEST(signed_record, is_opened_as_it_was_sealed) {
    const auto author = key_of(1);
    const auto text = *seal(author, key, record, 7);
    const auto said = trust::open(key, text);
    ASSERT_TRUE(said) << said.error().message();
    EXPECT_EQ(said->author, peer_id(author.public_key()));
    EXPECT_EQ(said->sequence, 7u);
    EXPECT_FALSE(said->is_deleted);
    EXPECT_TRUE(trust::open(key, seal_deletion(author, key, 8))->is_deleted);
    EXPECT_TRUE(says_the_same(text, record));
    EXPECT_TRUE(says_the_same(text, *seal(key_of(2), key, record, 9)));
    EXPECT_FALSE(says_the_same(text, seal_deletion(author, key, 8)));
}

TEST(signed_record, sealing_again_replaces_author_number_and_signature) {
    const auto first = *seal(key_of(1), key, record, 7);
    EXPECT_EQ(*seal(key_of(2), key, first, 8), *seal(key_of(2), key, record, 8));
    EXPECT_FALSE(
        trust::open(key, *seal(key_of(2), key, seal_deletion(key_of(1), key, 1), 8))->is_deleted);
}

TEST(signed_record, holds_under_its_own_key_only) {
    const auto text = *seal(key_of(1), key, record, 7);
    EXPECT_EQ(trust::open("/dm1/strategy/other/rec", text).error().code, errc::bad_signature);
    EXPECT_EQ(trust::open("", text).error().code, errc::bad_signature);
}

TEST(signed_record, nothing_in_it_can_be_changed) {
    const auto text = *seal(key_of(1), key, record, 7);
    const auto other = peer_id(key_of(2).public_key()).to_string();
    const auto mine = peer_id(key_of(1).public_key()).to_string();
    EXPECT_EQ(trust::open(key, with(text, "50", "51")).error().code, errc::bad_signature);
    EXPECT_EQ(trust::open(key, with(text, R"("seq":7)", R"("seq":8)")).error().code,
              errc::bad_signature);
    EXPECT_EQ(trust::open(key, with(text, mine, other)).error().code, errc::bad_signature);
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto damaged = text;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        EXPECT_FALSE(trust::open(key, damaged)) << i;
    }
    for (std::size_t i = 0; i < text.size(); ++i)
        EXPECT_FALSE(trust::open(key, std::string_view(text).substr(0, i)));
}

TEST(signed_record, has_one_spelling_only) {
    const auto text = *seal(key_of(1), key, record, 7);
    for (const auto& other :
         {with(text, ",", " ,"), " " + text, text + " ", with(text, R"("v":1)", R"("v":1,"v":1)"),
          with(text, R"("v":1)", R"("sig":"","v":1)"), with(text, "12D3", "12d3")}) {
        EXPECT_FALSE(trust::open(key, other)) << other;
        EXPECT_FALSE(read_envelope(other)) << other;
    }
}

TEST(signed_record, numbers_and_texts_have_bounds) {
    EXPECT_TRUE(trust::open(key, *seal(key_of(1), key, record, sequence_max - 1)));
    EXPECT_FALSE(trust::open(key, *seal(key_of(1), key, record, sequence_max)));
    const auto big = R"({"x":")" + std::string(envelope_bytes_max, 'x') + "\"}";
    EXPECT_FALSE(seal(key_of(1), key, big, 1));
    EXPECT_FALSE(read_envelope(std::string(envelope_bytes_max + 1, 'x')));
    for (const auto* no_object : {"", "[]", "1", "{", "\"x\"", "null"})
        EXPECT_FALSE(seal(key_of(1), key, no_object, 1)) << no_object;
}
