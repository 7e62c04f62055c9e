#include "content/swarm/session.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"
#include "crypto/hash.hpp"

namespace dm::swarm {
namespace {

const auto digest = crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes("blob"));

join joining(channel_no c, std::uint64_t size) {
    return {c, digest, size, true, role::partner, true, false, {}};
}

leaf_buffer buffer_of(byte_view data) {
    leaf_buffer out(data.size());
    std::ranges::copy(data, out.data().begin());
    return out;
}

/// Moves up to `n` bytes; what is there is cut anywhere.
result<void> carry(session& from, session& to, std::size_t n) {
    const auto data = from.pending();
    const auto part = to_bytes(data.first(std::min(n, data.size())));
    from.sent(part.size());
    if (part.size() % 2 == 0)
        return to.feed(part);
    for (byte_view rest = part; !rest.empty();) {
        const auto room = to.room();
        const auto k = std::min(room.size(), rest.size());
        std::ranges::copy(rest.first(k), room.begin());
        rest = rest.subspan(k);
        if (auto ok = to.filled(k); !ok)
            return ok;
    }
    return {};
}

TEST(swarm_session, carries_messages_and_leaves_over_shredded_bytes) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        rng random(seed);
        session a, b;
        const std::uint64_t size = 2 * leaf_bytes + 1000;
        a.send(joining(1, size));
        bytes blob(size);
        for (auto& x : blob)
            x = static_cast<std::byte>(random());
        for (std::uint32_t i = 0; i < 3; ++i)
            a.send_block(
                1, i,
                buffer_of(byte_view(blob).subspan(
                    i * leaf_bytes, std::min<std::size_t>(leaf_bytes, size - i * leaf_bytes))));
        bytes got;
        int sent = 0, messages = 0;
        std::size_t pieces = 0;
        while (!a.pending().empty()) {
            if (random() % 50 == 0)
                a.send(ask_leaf{1, 2});
            a.limit_pieces(1 + random() % (seed % 2 ? piece_bytes_max : 5000));
            ASSERT_TRUE(carry(a, b, 1 + random() % 30'000)) << "seed " << seed;
            while (const auto e = a.poll())
                sent += std::holds_alternative<block_sent>(*e);
            while (auto e = b.poll()) {
                messages += std::holds_alternative<message>(*e);
                if (const auto* p = std::get_if<piece_received>(&*e))
                    pieces += p->size;
                if (const auto* x = std::get_if<block_received>(&*e))
                    append(got, x->data.view());
            }
        }
        EXPECT_EQ(got, blob) << "seed " << seed;
        EXPECT_EQ(pieces, size);
        EXPECT_EQ(sent, 3);
        EXPECT_GE(messages, 1);
    }
}

TEST(swarm_session, messages_do_not_wait_behind_leaves) {
    session a, b;
    a.send(joining(1, 10 * leaf_bytes));
    for (std::uint32_t i = 0; i < 10; ++i)
        a.send_block(1, i, leaf_buffer(leaf_bytes));
    while (!a.pending().empty() && a.blocks_waiting() == 10)
        ASSERT_TRUE(carry(a, b, 100'000));
    a.send(ask_leaf{1, 3});
    std::size_t before = 0;
    for (bool found = false; !found;) {
        before += a.pending().size();
        ASSERT_TRUE(carry(a, b, 1'000'000));
        while (const auto e = b.poll())
            if (const auto* m = std::get_if<message>(&*e))
                found |= std::holds_alternative<ask_leaf>(*m);
    }
    EXPECT_LE(before, 2 * piece_bytes_first);
}

std::error_code outcome(std::initializer_list<message> messages) {
    bytes out;
    for (const auto& m : messages)
        encode(out, m);
    session s;
    const auto r = s.feed(out);
    return r ? std::error_code() : r.error().code;
}

TEST(swarm_session, refuses_what_may_not_come) {
    const bytes data(100);
    EXPECT_FALSE(outcome({hello{}, joining(1, 100), piece{1, 0, 0, data}}));
    EXPECT_FALSE(outcome(
        {hello{}, joining(1, 200), piece{1, 0, 0, data}, joining(1, 200), piece{1, 0, 100, data}}))
        << "said again";
    EXPECT_EQ(outcome({joining(1, 100)}), errc::out_of_order) << "no hello";
    EXPECT_EQ(outcome({hello{}, hello{}}), errc::out_of_order);
    EXPECT_EQ(outcome({hello{0}}), errc::unsupported_version);
    EXPECT_FALSE(outcome({hello{7}})) << "a newer one speaks this one too";
    EXPECT_EQ(outcome({hello{}, ask_leaf{1, 0}}), errc::out_of_order) << "not joined";
    EXPECT_EQ(outcome({hello{}, joining(1, 100), leave{1}, leave{1}}), errc::out_of_order);
    EXPECT_EQ(outcome({hello{}, joining(1, 100), piece{1, 1, 0, data}}), errc::out_of_order);
    EXPECT_EQ(outcome({hello{}, joining(1, 100), piece{1, 0, 5, data}}), errc::out_of_order);
    EXPECT_EQ(outcome({hello{}, joining(1, 99), piece{1, 0, 0, data}}), errc::out_of_order);
    EXPECT_EQ(outcome({hello{}, joining(1, 200), piece{1, 0, 0, data}, piece{1, 0, 0, data}}),
              errc::out_of_order);
    EXPECT_EQ(outcome({hello{}, joining(1, 200), piece{1, 0, 0, {}}}), errc::out_of_order);
    session s;
    EXPECT_EQ(s.feed(bytes(4, std::byte{0xff})).has_value(), true);
    EXPECT_EQ(s.feed(bytes(6, std::byte{0xff})).error().code, errc::malformed_message);
}

TEST(swarm_session, a_flood_of_messages_is_refused) {
    bytes out;
    encode(out, hello{});
    encode(out, joining(0, 100));
    for (std::size_t i = 0; i < events_max; ++i)
        encode(out, ask_any_leaf{0, {}});
    session s;
    EXPECT_EQ(s.feed(out).error().code, errc::too_large);
}

TEST(swarm_session, notices_a_peer_that_does_not_read) {
    session s;
    const leaves much{0, 0, std::vector<leaf_hash>(hashes_max)};
    for (int i = 0; i < 120; ++i)
        s.send(much);
    EXPECT_TRUE(s.healthy());
    for (int i = 0; i < 20; ++i)
        s.send(much);
    EXPECT_FALSE(s.healthy());
}

}  // namespace
}  // namespace dm::swarm
