#include "mesh/trust/authority.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.hpp"
#include "crypto/key.hpp"

using namespace dm;
using namespace dm::trust;

namespace {

peer_id node(std::uint8_t n) {
    std::array<std::byte, crypto::ed25519_seed_size> seed{};
    seed[0] = static_cast<std::byte>(n);
    seed[1] = std::byte{7};
    return peer_id(crypto::private_key::from_seed(seed).public_key());
}

/// What a node of the mesh comes to, which looks at everything again until nothing changes.
authority after(const std::vector<statement>& all) {
    authority out({node(0)});
    for (int round = 0; round < 20; ++round)
        for (const auto& s : all)
            out.take(s);
    return out;
}

}  // namespace

TEST(authority, a_root_appoints_and_its_appointees_do) {
    authority a({node(0)});
    EXPECT_TRUE(a.is_operator(node(0)));
    EXPECT_TRUE(a.take({node(0), node(1), true, 1}));
    EXPECT_TRUE(a.take({node(1), node(2), true, 1}));
    EXPECT_FALSE(a.take({node(1), node(2), true, 2})) << "the operators are the same";
    EXPECT_TRUE(a.is_operator(node(2)));
    EXPECT_EQ(a.operators().at(node(2)).level, 2u);
    EXPECT_EQ(a.operators().at(node(2)).added_by, node(1));
}

TEST(authority, the_word_of_others_does_not_count) {
    authority a({node(0)});
    EXPECT_FALSE(a.take({node(5), node(5), true, 1}));
    EXPECT_FALSE(a.take({node(5), node(6), true, 1}));
    EXPECT_FALSE(a.take({node(5), node(0), false, 9}));
    EXPECT_TRUE(a.take({node(0), node(5), true, 2}));
    EXPECT_FALSE(a.is_operator(node(6))) << "what it said before has to be looked at again";
}

TEST(authority, nobody_removes_one_above_whatever_time_it_gives) {
    auto a = after({{node(0), node(1), true, 1}, {node(1), node(2), true, 1}});
    for (const auto& [by, whom] : {std::pair{1, 0}, {2, 1}, {2, 0}}) {
        const auto author = node(static_cast<std::uint8_t>(by));
        const auto subject = node(static_cast<std::uint8_t>(whom));
        EXPECT_FALSE(a.may_remove(author, subject));
        EXPECT_FALSE(a.take({author, subject, false, std::uint64_t{1} << 61}));
        EXPECT_TRUE(a.is_operator(subject));
    }
    EXPECT_TRUE(a.may_remove(node(0), node(2)));
}

TEST(authority, who_goes_takes_along_whom_only_it_has_added) {
    auto a = after({{node(0), node(1), true, 1},
                    {node(1), node(2), true, 1},
                    {node(1), node(3), true, 1},
                    {node(0), node(3), true, 1}});
    EXPECT_TRUE(a.take({node(0), node(1), false, 5}));
    EXPECT_FALSE(a.is_operator(node(1)));
    EXPECT_FALSE(a.is_operator(node(2)));
    EXPECT_TRUE(a.is_operator(node(3)));
}

TEST(authority, an_older_appointment_does_not_undo_a_removal) {
    auto a = after({{node(0), node(1), true, 1}, {node(0), node(2), true, 1}});
    EXPECT_TRUE(a.take({node(0), node(2), false, 10}));
    EXPECT_FALSE(a.take({node(1), node(2), true, 9}));
    EXPECT_FALSE(a.take({node(1), node(2), true, 10})) << "at the same time the removal counts";
    EXPECT_TRUE(a.take({node(1), node(2), true, 11}));
}

TEST(authority, is_the_same_in_whatever_order_statements_come) {
    rng random(5);
    std::vector<peer_id> nodes;
    for (std::uint8_t n = 0; n < 8; ++n)
        nodes.push_back(node(n));
    for (int round = 0; round < 200; ++round) {
        std::vector<statement> all;
        for (int i = 0; i < 30; ++i)
            all.push_back(
                {nodes[random() % 8], nodes[random() % 8], random() % 3 != 0, random() % 10});
        const auto expected = after(all);
        std::ranges::shuffle(all, random);
        const auto other = after(all);
        std::vector<peer_id> left;
        std::vector<peer_id> right;
        for (const auto& [id, rank] : expected.operators())
            left.push_back(id);
        for (const auto& [id, rank] : other.operators())
            right.push_back(id);
        ASSERT_EQ(left, right) << round;
    }
}

TEST(authority, is_bounded_and_the_root_is_heard_all_the_same) {
    authority a({node(0)});
    a.take({node(0), node(1), true, 1});
    std::vector<peer_id> many;
    for (std::size_t i = 0; i < statements_of_operator_max + 10; ++i) {
        std::array<std::byte, crypto::ed25519_seed_size> seed{};
        seed[0] = static_cast<std::byte>(i);
        seed[1] = static_cast<std::byte>(i >> 8);
        seed[2] = std::byte{9};
        many.push_back(peer_id(crypto::private_key::from_seed(seed).public_key()));
    }
    for (const auto& id : many)
        a.take({node(1), id, true, 1});
    EXPECT_EQ(a.operators().size(), operators_max);
    EXPECT_TRUE(a.take({node(0), node(1), false, 2}));
    EXPECT_EQ(a.operators().size(), 1u);
    EXPECT_TRUE(a.take({node(0), node(1), true, 3}));
    EXPECT_EQ(a.operators().size(), 2u) << "what it said has been forgotten";
}
