#include "content/swarm/message.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"
#include "base/varint.hpp"
#include "crypto/hash.hpp"

namespace dm::swarm {
namespace {

message again(const message& m) {
    bytes out;
    encode(out, m);
    const auto length = read_varint(out).value();
    EXPECT_EQ(length.size + length.value, out.size());
    auto back = decode(byte_view(out).subspan(length.size));
    EXPECT_TRUE(back && *back);
    return **back;
}

template <class T>
void expect_same(const T& m) {
    EXPECT_EQ(std::get<T>(again(m)), m);
}

TEST(swarm_message, every_kind_comes_back_as_it_was) {
    const auto d = crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes("x"));
    const auto d512 = crypto::hash_of(crypto::hash_algorithm::sha512, as_bytes("x"));
    expect_same(hello{});
    expect_same(join{3, d, 1 << 20, true, role::source, true, true, {{{0, 4}}}});
    expect_same(join{0, d512, 0, false, role::partner, false, false, {}});
    expect_same(join{0, d, 0, true, role::partner, false, false, {}});
    expect_same(leave{4});
    expect_same(have{1, {{{1, 2}, {3, 4}}}});
    expect_same(ask_leaves{1, 7});
    expect_same(leaves{1, 7, {crypto::sha256({}), crypto::sha256(as_bytes("y"))}});
    expect_same(ask_leaf{1, 8});
    expect_same(ask_any_leaf{2, {}});
    expect_same(ask_any_leaf{2, 0});
    expect_same(ask_any_leaf{2, 77});
    expect_same(cancel_leaf{1, 9});
    expect_same(refuse_leaf{0, 0});
    expect_same(no_more_leaves{channels_max - 1});
    expect_same(chosen_leaf{1, 2, crypto::sha256({})});
    const bytes data(piece_bytes_max / 2, std::byte{7});
    bytes out;
    const piece sent{1, 2, 65536, data};
    encode(out, sent);
    bytes same;
    encode_head(same, sent, data.size());
    append(same, byte_view(data));
    EXPECT_EQ(out, same);
    const auto length = read_varint(out).value();
    const auto back = decode(byte_view(out).subspan(length.size));
    const auto& p = std::get<piece>(**back);
    EXPECT_EQ(p.offset, 65536u);
    EXPECT_EQ(to_bytes(p.data), data);
}

TEST(swarm_message, runs_say_what_a_set_holds) {
    rng random(4);
    for (int round = 0; round < 50; ++round) {
        leaf_set set(1 + static_cast<std::uint32_t>(random() % 300));
        for (std::uint32_t i = 0; i < set.size(); ++i)
            if (random() % 3 == 0)
                set.set(i);
        leaf_set back(set.size());
        leaf_runs::of(set).add_to(back);
        EXPECT_EQ(back, set);
    }
    leaf_set small(3);
    leaf_runs{{{1, UINT32_MAX}, {UINT32_MAX, 5}}}.add_to(small);
    EXPECT_EQ(small.count(), 2u);
}

std::error_code refusal(const message& m) {
    bytes out;
    encode(out, m);
    const auto length = read_varint(out).value();
    const auto back = decode(byte_view(out).subspan(length.size));
    return back ? std::error_code() : back.error().code;
}

TEST(swarm_message, limits_hold) {
    const auto d = crypto::hash_of(crypto::hash_algorithm::sha256, {});
    EXPECT_EQ(refusal(leave{channels_max}), errc::too_large);
    EXPECT_EQ(refusal(join{0, d, blob_bytes_max + 1, true, {}, {}, {}, {}}), errc::too_large);
    EXPECT_FALSE(refusal(join{0, d, blob_bytes_max, true, {}, {}, {}, {}}));
    EXPECT_EQ(refusal(leaves{0, 0, std::vector<leaf_hash>(hashes_max + 1)}), errc::too_large);
    EXPECT_FALSE(refusal(leaves{0, 0, std::vector<leaf_hash>(hashes_max)}));
    EXPECT_EQ(refusal(have{0, {std::vector<leaf_runs::run>(runs_max + 1)}}), errc::too_large);
    EXPECT_EQ(refusal(have{0, {{{UINT32_MAX, UINT32_MAX}}}}), errc::too_large);
    EXPECT_EQ(refusal(ask_leaf{0, UINT32_MAX}), errc::too_large);
    const bytes data(piece_bytes_max + 1);
    EXPECT_EQ(refusal(piece{0, 0, 0, data}), errc::too_large);
    EXPECT_EQ(refusal(piece{0, 0, leaf_bytes, byte_view(data).first(1)}), errc::too_large);
    EXPECT_EQ(decode(bytes(message_bytes_max + 1)).error().code, errc::too_large);
}

TEST(swarm_message, skips_kinds_it_does_not_know_and_refuses_rubbish) {
    EXPECT_FALSE(decode(bytes{std::byte{0xf2}, std::byte{0x01}, std::byte{0}}).value());
    EXPECT_EQ(decode({}).error().code, errc::malformed_message);
    EXPECT_EQ(decode(bytes{std::byte{8}, std::byte{1}}).error().code, errc::malformed_message);
    EXPECT_EQ(decode(bytes{std::byte{0x1a}, std::byte{0}, std::byte{0}}).error().code,
              errc::malformed_message);
    EXPECT_EQ(decode(bytes{std::byte{0x12}, std::byte{0}}).error().code, errc::malformed_message)
        << "join without a digest";
}

}  // namespace
}  // namespace dm::swarm
