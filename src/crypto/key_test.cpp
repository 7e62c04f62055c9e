#include "crypto/key.hpp"

#include <gtest/gtest.h>

#include "base/hex_for_test.hpp"
#include "crypto/random.hpp"

using namespace dm;
using namespace dm::crypto;

namespace {

private_key key_from_hex(const char* seed) {
    return private_key::from_seed(std::span<const std::byte, ed25519_seed_size>(unhex(seed)));
}

bytes der(unsigned tag, byte_view content) {
    bytes out{static_cast<std::byte>(tag)};
    if (content.size() >= 0x80)
        out.push_back(std::byte{0x82});
    if (content.size() >= 0x80)
        out.push_back(static_cast<std::byte>(content.size() >> 8));
    out.push_back(static_cast<std::byte>(content.size()));
    append(out, content);
    return out;
}

/// PKIX DER of an RSA public key whose modulus has so many bits (and no known factors).
bytes rsa_public_key(int bits) {
    bytes modulus(static_cast<std::size_t>((bits + 7) / 8), std::byte{0xff});
    if (bits % 8 == 0)
        modulus.insert(modulus.begin(), std::byte{0});
    else
        modulus[0] = static_cast<std::byte>((1 << bits % 8) - 1);
    auto key = der(0x02, modulus);
    append(key, unhex("0203010001"));
    auto bit_string = bytes{std::byte{0}};
    append(bit_string, der(0x30, key));
    auto content = unhex("300d06092a864886f70d0101010500");
    append(content, der(0x03, bit_string));
    return der(0x30, content);
}

}  // namespace

// RFC 8032 §7.1, tests 1 to 3.
TEST(ed25519, gives_the_signatures_of_rfc_8032) {
    const struct {
        const char *seed, *pub, *message, *signature;
    } vectors[] = {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33b"
                    "acc61e39701c"
                    "f9b46bd25bf5f0595bbe24655141438e7a100b"},
                   {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e1599"
                    "6e458f3613d0"
                    "f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
                   {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f2"
                    "90ae67f76098"
                    "4dc6594a7c15e9716ed28dc027beceea1ec40a"}};
    for (const auto& v : vectors) {
        const auto key = key_from_hex(v.seed);
        const auto message = unhex(v.message);
        EXPECT_EQ(to_hex(key.public_key().data()), v.pub);
        EXPECT_EQ(to_hex(key.sign(message)), v.signature);
        EXPECT_TRUE(key.public_key().verify(message, unhex(v.signature)));
    }
}

TEST(ed25519, refuses_a_changed_message_signature_or_key) {
    const auto key = private_key::generate();
    const auto message = to_bytes("a message");
    const auto signature = key.sign(message);
    ASSERT_EQ(signature.size(), ed25519_signature_size);
    EXPECT_TRUE(key.public_key().verify(message, signature));
    EXPECT_FALSE(key.public_key().verify(as_bytes("a massage"), signature));
    EXPECT_FALSE(private_key::generate().public_key().verify(message, signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto changed = signature;
        changed[i] ^= std::byte{1};
        EXPECT_FALSE(key.public_key().verify(message, changed)) << i;
    }
    EXPECT_FALSE(key.public_key().verify(message, {}));
    EXPECT_FALSE(key.public_key().verify(message, byte_view{signature}.first(63)));
}

TEST(ed25519, loads_64_and_96_byte_private_keys_whose_halves_match) {
    const auto key = private_key::generate();
    const auto data = key.data();
    ASSERT_EQ(data.size(), 64u);
    const auto same = private_key::from_data(key_type::ed25519, data);
    ASSERT_TRUE(same);
    EXPECT_EQ(same->public_key(), key.public_key());
    auto old = data;
    append(old, key.public_key().data());
    EXPECT_TRUE(private_key::from_data(key_type::ed25519, old));

    auto differs = old;
    differs.back() ^= std::byte{1};
    EXPECT_FALSE(private_key::from_data(key_type::ed25519, differs));
    auto foreign = data;
    foreign.back() ^= std::byte{1};
    EXPECT_FALSE(private_key::from_data(key_type::ed25519, foreign));
    for (const std::size_t size : {0u, 32u, 63u, 65u, 95u, 97u}) {
        auto resized = old;
        resized.resize(size);
        EXPECT_FALSE(private_key::from_data(key_type::ed25519, resized)) << size;
    }
}

TEST(ed25519, makes_a_different_key_each_time) {
    EXPECT_NE(private_key::generate().public_key(), private_key::generate().public_key());
}

TEST(key, refuses_garbage_of_every_type) {
    for (const auto type :
         {key_type::rsa, key_type::ed25519, key_type::secp256k1, key_type::ecdsa}) {
        for (const std::size_t size : {0u, 1u, 31u, 33u, 64u, 91u, 294u}) {
            const bytes zeros(size);
            EXPECT_FALSE(public_key::from_data(type, zeros)) << name_of(type) << size;
            const bytes ones(size, std::byte{0xff});
            EXPECT_FALSE(public_key::from_data(type, ones)) << name_of(type) << size;
            if (type != key_type::ed25519) {
                EXPECT_FALSE(private_key::from_data(type, zeros)) << name_of(type) << size;
                EXPECT_FALSE(private_key::from_data(type, ones)) << name_of(type) << size;
            }
        }
        const bytes over(key_data_max + 1);
        EXPECT_EQ(public_key::from_data(type, over).error().message(), "key is too long");
        EXPECT_EQ(private_key::from_data(type, over).error().message(), "key is too long");
    }
}

TEST(key, takes_rsa_of_2048_to_8192_bits_only) {
    for (const int bits : {rsa_bits_min, 3072, rsa_bits_max}) {
        const auto key = public_key::from_data(key_type::rsa, rsa_public_key(bits));
        ASSERT_TRUE(key) << bits << key.error().message();
        EXPECT_FALSE(key->verify(as_bytes("message"), bytes(static_cast<std::size_t>(bits / 8))));
    }
    for (const int bits : {1024, rsa_bits_min - 1, rsa_bits_max + 1})
        EXPECT_EQ(public_key::from_data(key_type::rsa, rsa_public_key(bits)).error().code,
                  errc::unsupported_key)
            << bits;
    EXPECT_EQ(public_key::from_data(key_type::ecdsa, rsa_public_key(2048)).error().code,
              errc::malformed_key);
}

TEST(key, refuses_a_secp256k1_key_as_ecdsa) {
    const auto spki = unhex(
        "3036301006072a8648ce3d020106052b8104000a032200037777e994e452c21604f91de093ce415f5432f701dd"
        "8c"
        "d1a7a6fea0e630bfca99");
    EXPECT_EQ(public_key::from_data(key_type::ecdsa, spki).error().code, errc::unsupported_key);
    EXPECT_TRUE(public_key::from_data(key_type::secp256k1, byte_view{spki}.subspan(23)));
}

TEST(random, fills_and_never_repeats) {
    EXPECT_EQ(random_bytes(0).size(), 0u);
    EXPECT_NE(random_bytes(32), random_bytes(32));
}

TEST(random, compares_secrets_by_content_and_size) {
    EXPECT_TRUE(equal_in_constant_time(as_bytes("token"), as_bytes("token")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("token"), as_bytes("tokem")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("token"), as_bytes("toke")));
    EXPECT_TRUE(equal_in_constant_time({}, {}));
    bytes secret = to_bytes("secret");
    wipe(secret);
    EXPECT_EQ(secret, bytes(6));
}
