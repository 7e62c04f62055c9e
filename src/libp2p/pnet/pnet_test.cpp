#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "libp2p/pnet/protector.hpp"

using namespace dm;

namespace {

constexpr std::string_view key_hex =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pnet::swarm_key counting_key() {
    return pnet::parse_swarm_key("/key/swarm/psk/1.0.0/\n/base16/\n" + std::string(key_hex))
        .value();
}

pnet::nonce_bytes counting_nonce() {
    pnet::nonce_bytes out;
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>(i);
    return out;
}

}  // namespace

TEST(swarm_key, is_read_in_all_encodings) {
    const auto key = counting_key();
    EXPECT_EQ(to_hex(key), key_hex);
    EXPECT_EQ(pnet::parse_swarm_key(pnet::to_text(key)).value(), key);
    EXPECT_EQ(pnet::parse_swarm_key("/key/swarm/psk/1.0.0/\r\n/base64/\r\n"
                                    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n")
                  .value(),
              key);
    EXPECT_EQ(pnet::parse_swarm_key("/key/swarm/psk/1.0.0/\n/bin/\n" +
                                    std::string(as_chars(byte_view(key))) + "\n")
                  .value(),
              key);
}

TEST(swarm_key, refuses_what_is_no_key) {
    for (const auto& bad : {std::string(), std::string("/key/swarm/psk/1.0.0/\n/base16/\n"),
                            "/key/swarm/psk/2.0.0/\n/base16/\n" + std::string(key_hex),
                            "/key/swarm/psk/1.0.0/\n/base32/\n" + std::string(key_hex),
                            "/key/swarm/psk/1.0.0/\n/base16/\n00" + std::string(key_hex),
                            "/key/swarm/psk/1.0.0/\n/base16/\nx" + std::string(key_hex.substr(1)),
                            std::string("/key/swarm/psk/1.0.0/\n/bin/\nshort"),
                            "/key/swarm/psk/1.0.0/\n/base16/\n" + std::string(key_hex) +
                                std::string(pnet::swarm_key_file_bytes_max, '\n')})
        EXPECT_FALSE(pnet::parse_swarm_key(bad)) << bad;
}

TEST(swarm_key, has_the_fingerprint_that_kubo_prints) {
    EXPECT_EQ(pnet::fingerprint(counting_key()), "41dfbf48d882a8ee665983adfa7a48f7");
}

TEST(protector, encrypts_as_in_the_reference_and_back) {
    const auto nonce = counting_nonce();
    pnet::protector a(counting_key(), nonce, {});
    pnet::protector b(counting_key(), {}, nonce);
    auto data = from_hex("132f6d756c746973747265616d2f312e302e300a").value();
    const auto plain = data;
    a.outgoing(data);
    EXPECT_EQ(to_hex(data), "6f990ddab1eaaf35fb25b80c491cc81a18d3b2c7");
    b.incoming(data);
    EXPECT_EQ(data, plain);
}

TEST(protector, gives_noise_under_another_key) {
    const auto nonce = counting_nonce();
    pnet::protector a(counting_key(), nonce, {});
    pnet::protector b(pnet::swarm_key{}, {}, nonce);
    auto data = to_bytes("hello");
    a.outgoing(data);
    b.incoming(data);
    EXPECT_NE(data, to_bytes("hello"));
}
