#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.hpp"
#include "base/rng.hpp"
#include "libp2p/noise/handshake.hpp"
#include "libp2p/noise/transport.hpp"
#include "multiformats/peer_id.hpp"

using namespace dm;
using noise::role;

namespace {

std::array<std::byte, 32> fixed(std::string_view hex) {
    const auto data = from_hex(hex).value();
    std::array<std::byte, 32> out{};
    std::ranges::copy(data, out.begin());
    return out;
}

crypto::x25519_key x25519(std::string_view hex) {
    return crypto::x25519_key::from_private(fixed(hex));
}

crypto::private_key spec_identity() {
    return multiformats::unmarshal_private_key(
               from_hex("080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1"
                        "ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")
                   .value())
        .value();
}

struct party {
    crypto::private_key identity = crypto::private_key::generate();
    noise::local_party local{identity, crypto::x25519_key::generate(), {"/yamux/1.0.0"}};

    multiformats::peer_id id() const { return multiformats::peer_id(identity.public_key()); }
    noise::handshake start(role r, std::optional<multiformats::peer_id> expected = {}) const {
        return {r, local, crypto::x25519_key::generate(), expected};
    }
};

/// Hands bytes from one to the other in pieces of random size; the error, if the other has one.
std::optional<std::error_code> move_all(noise::handshake& from, noise::handshake& to, rng& random) {
    while (!from.pending().empty()) {
        const auto data = from.pending();
        const auto n = std::uniform_int_distribution<std::size_t>(1, data.size())(random);
        const auto taken = to.feed(data.first(n));
        if (!taken)
            return taken.error().code;
        EXPECT_EQ(*taken, n);
        from.sent(n);
    }
    return std::nullopt;
}

std::optional<std::error_code> shake_hands(noise::handshake& a, noise::handshake& b, rng& random) {
    while (!a.pending().empty() || !b.pending().empty()) {
        if (const auto failed = move_all(a, b, random))
            return failed;
        if (const auto failed = move_all(b, a, random))
            return failed;
    }
    return std::nullopt;
}

std::pair<noise::transport, noise::transport> connected() {
    rng random(1);
    const party p;
    const party q;
    auto a = p.start(role::initiator);
    auto b = q.start(role::responder);
    EXPECT_FALSE(shake_hands(a, b, random));
    return {noise::transport(a.split()), noise::transport(b.split())};
}

}  // namespace

TEST(xx_handshake, gives_the_messages_of_the_published_vectors) {
    const auto init_static =
        x25519("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    const auto resp_static =
        x25519("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20");
    noise::xx_handshake a(
        role::initiator, init_static,
        x25519("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"));
    noise::xx_handshake b(
        role::responder, resp_static,
        x25519("4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60"));

    const auto first = a.write(as_bytes("test_msg_0"));
    EXPECT_EQ(to_hex(first),
              "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254746573745f6d73675f3"
              "0");
    EXPECT_EQ(b.read(first).value(), to_bytes("test_msg_0"));
    const auto second = b.write(as_bytes("test_msg_1"));
    EXPECT_EQ(
        to_hex(second),
        "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d484663414af878d3e46a2f58911a816"
        "d6e8346d4ea17a6f2a0bb4ef4ed56c133cff4572e7a2ba5123ac30618b3d205f5c2d17f50cbca216483ac56bcc"
        "78e33bf520303278db641e5e731b2e3a");
    EXPECT_EQ(a.read(second).value(), to_bytes("test_msg_1"));
    EXPECT_EQ(a.remote_static(), resp_static.public_bytes());
    const auto third = a.write(as_bytes("test_msg_2"));
    EXPECT_EQ(
        to_hex(third),
        "87f864c11ba449f46a0a4f4e2eacbb7b0457784f4fca1937f572c93603e9c4d9f27e318e43ba630594c4d08eeb"
        "3b36d97c7377a2f4f9144b2f0c8095ad92140505b2ab53eff244b14138");
    EXPECT_EQ(b.read(third).value(), to_bytes("test_msg_2"));
    EXPECT_EQ(b.remote_static(), init_static.public_bytes());

    bytes sealed(15 + 16);
    a.split().send.seal(0, {}, as_bytes("yellowsubmarine"), sealed);
    EXPECT_EQ(to_hex(sealed), "a52ef02ba60e12696d1d6b9ef4245c88fca757b6134ad6e76b56e310a6adf6");
    b.split().send.seal(0, {}, as_bytes("submarineyellow"), sealed);
    EXPECT_EQ(to_hex(sealed), "2445aa438ebd649281c636cc7269ca82f1d9023d72520943aeabf909cdf521");
}

TEST(noise_payload, is_that_of_the_reference) {
    crypto::x25519_bytes ones;
    ones.fill(std::byte{1});
    const auto encoded = noise::encode_payload(spec_identity(), ones, {"/yamux/1.0.0"});
    EXPECT_EQ(to_hex(encoded),
              "0a24080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e1240"
              "2f1b393b655496df22d1b6c998ae776e719553644d7358e68d2d42d94f3257dccada22b3731640f2bf58"
              "698812c"
              "1a9049a2dfe9d47a92e79d3d47de146f2bd01220e120c2f79616d75782f312e302e30");
    auto decoded = noise::decode_payload(encoded).value();
    EXPECT_EQ(decoded.muxers, std::vector<std::string>{"/yamux/1.0.0"});
    EXPECT_TRUE(noise::is_signed(decoded, ones));
    ones[0] = std::byte{2};
    EXPECT_FALSE(noise::is_signed(decoded, ones));
}

TEST(noise_payload, keeps_only_so_many_muxers) {
    const std::vector<std::string> many(noise::muxers_max + 1, "/m");
    auto encoded = noise::encode_payload(spec_identity(), {}, many);
    EXPECT_EQ(noise::decode_payload(encoded).value().muxers.size(), noise::muxers_max);
    encoded = noise::encode_payload(spec_identity(), {},
                                    {std::string(noise::muxer_bytes_max + 1, 'm'), "/short"});
    EXPECT_EQ(noise::decode_payload(encoded).value().muxers, std::vector<std::string>{"/short"});
}

TEST(noise_handshake, tells_both_sides_who_the_other_is_over_shredded_bytes) {
    const auto seed = random_seed();
    SCOPED_TRACE(seed);
    rng random(seed);
    const party p;
    const party q;
    for (int round = 0; round < 20; ++round) {
        auto a = p.start(role::initiator, q.id());
        auto b = q.start(role::responder);
        ASSERT_FALSE(shake_hands(a, b, random));
        ASSERT_TRUE(a.done() && b.done());
        EXPECT_EQ(a.remote_id(), q.id());
        EXPECT_EQ(b.remote_id(), p.id());
        EXPECT_EQ(a.muxer(), "/yamux/1.0.0");
        EXPECT_EQ(b.muxer(), "/yamux/1.0.0");
    }
}

TEST(noise_handshake, takes_the_initiators_first_muxer_that_both_have) {
    rng random(1);
    party p;
    party q;
    p.local.muxers = {"/x", "/y", "/z"};
    q.local.muxers = {"/z", "/y"};
    auto a = p.start(role::initiator);
    auto b = q.start(role::responder);
    EXPECT_FALSE(shake_hands(a, b, random));
    EXPECT_EQ(a.muxer(), "/y");
    EXPECT_EQ(b.muxer(), "/y");

    q.local.muxers = {};
    auto c = p.start(role::initiator);
    auto d = q.start(role::responder);
    EXPECT_FALSE(shake_hands(c, d, random));
    EXPECT_EQ(c.muxer(), std::nullopt);
    EXPECT_EQ(d.muxer(), std::nullopt);
}

TEST(noise_handshake, refuses_another_peer_than_the_one_dialled) {
    rng random(1);
    const party p;
    const party q;
    auto a = p.start(role::initiator, p.id());
    auto b = q.start(role::responder);
    EXPECT_EQ(shake_hands(a, b, random), noise::errc::wrong_peer);
}

TEST(noise_handshake, refuses_an_identity_that_has_not_signed_the_key) {
    rng random(1);
    const party p;
    const party q;
    const auto forger_static = crypto::x25519_key::generate();
    // Knows q's public key and one of its signatures, from an earlier handshake.
    const auto stolen = noise::encode_payload(q.identity, q.local.static_key.public_bytes(), {});
    noise::xx_handshake forger(role::responder, forger_static, crypto::x25519_key::generate());
    auto a = p.start(role::initiator, q.id());
    ASSERT_TRUE(forger.read(a.pending().subspan(2)));
    a.sent(a.pending().size());
    const auto message = forger.write(stolen);
    bytes frame = {static_cast<std::byte>(message.size() >> 8),
                   static_cast<std::byte>(message.size())};
    append(frame, message);
    const auto taken = a.feed(frame);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, noise::errc::wrong_signature);
}

TEST(noise_handshake, refuses_changed_and_oversized_messages) {
    const party p;
    const party q;
    for (std::size_t at = 2; at < 200; at += 13) {
        auto a = p.start(role::initiator);
        auto b = q.start(role::responder);
        ASSERT_TRUE(b.feed(a.pending()));
        auto answer = to_bytes(b.pending());
        answer[at] ^= std::byte{0x40};
        EXPECT_FALSE(a.feed(answer)) << at;
    }
    auto b = q.start(role::responder);
    EXPECT_TRUE(b.feed(from_hex("2000").value()));
    auto c = q.start(role::responder);
    const auto taken = c.feed(from_hex("2001").value());
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, noise::errc::too_long);
    auto d = q.start(role::responder);
    EXPECT_FALSE(d.feed(from_hex("0000").value()));
    auto e = q.start(role::responder);
    bytes low_order(34);
    low_order[1] = std::byte{32};
    EXPECT_TRUE(e.feed(low_order));  // answered with what nobody can read
    bytes nonsense(66);
    nonsense[1] = std::byte{64};
    EXPECT_FALSE(e.feed(nonsense));
}

TEST(noise_handshake, leaves_the_bytes_behind_it_alone) {
    rng random(1);
    const party p;
    const party q;
    auto a = p.start(role::initiator);
    auto b = q.start(role::responder);
    ASSERT_FALSE(move_all(a, b, random));
    ASSERT_FALSE(move_all(b, a, random));
    auto last = to_bytes(a.pending());
    const auto own = last.size();
    append(last, "frames");
    EXPECT_EQ(b.feed(last).value(), own);
    EXPECT_TRUE(b.done());
    EXPECT_EQ(b.wanted(), 0u);
}

TEST(noise_handshake, knows_all_key_types) {
    rng random(1);
    const party p;
    for (const auto* hex :
         {"0802122053dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8f"
          "b"}) {
        const auto identity = multiformats::unmarshal_private_key(from_hex(hex).value()).value();
        const noise::local_party local{identity, crypto::x25519_key::generate(), {}};
        noise::handshake a(role::initiator, local, crypto::x25519_key::generate(), p.id());
        auto b = p.start(role::responder);
        EXPECT_FALSE(shake_hands(a, b, random));
        EXPECT_TRUE(b.remote_id().matches(identity.public_key()));
    }
}

TEST(noise_transport, carries_frames_in_place) {
    auto [a, b] = connected();
    bytes wire;
    const std::vector<std::size_t> sizes = {1, 0, 1000, noise::frame_plain_max};
    for (const auto size : sizes) {
        const auto start = wire.size();
        wire.resize(start + size + noise::frame_overhead, std::byte{'x'});
        const auto out = std::span(wire).subspan(start);
        a.seal(out.subspan(2, size), out);
    }
    std::span<std::byte> rest = wire;
    for (const auto size : sizes) {
        for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, size + 17})
            EXPECT_FALSE(b.open(rest.first(cut)).value().has_value());
        const auto frame = b.open(rest).value();
        ASSERT_TRUE(frame.has_value());
        EXPECT_EQ(as_chars(frame->plain), std::string(size, 'x'));
        rest = rest.subspan(frame->size);
    }
    EXPECT_TRUE(rest.empty());
}

TEST(noise_transport, refuses_short_changed_and_repeated_frames) {
    auto [a, b] = connected();
    bytes wire(5 + noise::frame_overhead);
    a.seal(as_bytes("hello"), wire);
    auto changed = wire;
    changed.back() ^= std::byte{1};
    EXPECT_EQ(b.open(changed).error().code, noise::errc::not_authentic);
    bytes tiny(17);
    tiny[1] = std::byte{15};
    EXPECT_EQ(b.open(tiny).error().code, noise::errc::malformed);

    auto [c, d] = connected();
    c.seal(as_bytes("hello"), wire);
    auto copy = wire;
    EXPECT_TRUE(d.open(wire));
    EXPECT_EQ(d.open(copy).error().code, noise::errc::not_authentic);
}
