#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.hpp"
#include "crypto/chacha20_poly1305.hpp"
#include "crypto/random.hpp"
#include "crypto/x25519.hpp"
#include "crypto/xsalsa20.hpp"

using namespace dm;

namespace {

template <std::size_t N>
std::array<std::byte, N> fixed(std::string_view hex) {
    const auto data = from_hex(hex).value();
    EXPECT_EQ(data.size(), N);
    std::array<std::byte, N> out{};
    std::copy_n(data.begin(), N, out.begin());
    return out;
}

bytes counting(std::size_t size) {
    bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i);
    return out;
}

}  // namespace

TEST(x25519, multiplies_as_in_the_specification) {
    const auto key = crypto::x25519_key::from_private(
        fixed<32>("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
    EXPECT_EQ(
        key.agree(fixed<32>("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")),
        fixed<32>("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
}

TEST(x25519, gives_both_sides_the_same_secret_and_refuses_points_of_low_order) {
    const auto a = crypto::x25519_key::generate();
    const auto b = crypto::x25519_key::generate();
    EXPECT_NE(a.public_bytes(), b.public_bytes());
    EXPECT_TRUE(a.agree(b.public_bytes()).has_value());
    EXPECT_EQ(a.agree(b.public_bytes()), b.agree(a.public_bytes()));
    EXPECT_FALSE(a.agree(crypto::x25519_bytes{}).has_value());
}

TEST(chacha20_poly1305, seals_and_opens_and_notices_changes) {
    std::array<std::byte, 32> key{};
    key[0] = std::byte{7};
    crypto::chacha20_poly1305 cipher(key);
    for (const std::size_t size : {0u, 1u, 64u, 65519u}) {
        const auto plain = counting(size);
        bytes sealed(size + 16);
        cipher.seal(3, as_bytes("ad"), plain, sealed);
        bytes opened(size);
        EXPECT_TRUE(cipher.open(3, as_bytes("ad"), sealed, opened));
        EXPECT_EQ(opened, plain);
        EXPECT_FALSE(cipher.open(4, as_bytes("ad"), sealed, opened));
        EXPECT_FALSE(cipher.open(3, as_bytes("da"), sealed, opened));
        sealed[size / 2] ^= std::byte{1};
        EXPECT_FALSE(cipher.open(3, as_bytes("ad"), sealed, opened));
    }
    EXPECT_FALSE(cipher.open(0, {}, counting(15), {}));
}

TEST(chacha20_poly1305, works_in_place) {
    std::array<std::byte, 32> key{};
    crypto::chacha20_poly1305 cipher(key);
    const auto plain = counting(1000);
    bytes buffer = plain;
    buffer.resize(1016);
    cipher.seal(0, {}, byte_view(buffer).first(1000), buffer);
    ASSERT_TRUE(cipher.open(0, {}, buffer, std::span(buffer).first(1000)));
    buffer.resize(1000);
    EXPECT_EQ(buffer, plain);
}

TEST(hmac_sha256, is_that_of_rfc_4231) {
    EXPECT_EQ(
        to_hex(crypto::hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(xsalsa20, makes_the_streams_of_nacl_and_of_the_swarm_key) {
    bytes zero(32);
    crypto::xsalsa20 nacl(
        fixed<32>("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"),
        fixed<24>("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"));
    nacl.apply(zero);
    EXPECT_EQ(to_hex(zero), "eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880");
}

TEST(xsalsa20, gives_the_same_stream_in_pieces_of_any_size) {
    const auto key = counting(32);
    const auto nonce = counting(24);
    const std::span<const std::byte, 32> k(key.data(), 32);
    const std::span<const std::byte, 24> n(nonce.data(), 24);
    bytes whole(1000);
    crypto::xsalsa20(k, n).apply(whole);
    EXPECT_EQ(to_hex(byte_view(whole).first(16)), "7cb660afdd9ec6468f57dd6d2433f934");
    for (const std::size_t step : {1u, 7u, 63u, 64u, 65u, 200u}) {
        bytes pieces(1000);
        crypto::xsalsa20 cipher(k, n);
        for (std::size_t at = 0; at < pieces.size(); at += step)
            cipher.apply(std::span(pieces).subspan(at, std::min(step, pieces.size() - at)));
        EXPECT_EQ(pieces, whole) << step;
    }
}
