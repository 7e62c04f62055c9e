#include "content/bitswap/peer_wants.hpp"

#include <gtest/gtest.h>

#include "content/bitswap/for_test.hpp"

using namespace dm;
using namespace dm::bitswap;
using namespace std::chrono_literals;
using arrival = peer_wants::arrival;

namespace {

constexpr steady_time start{};

/// What is told to the peer, as text: "+1" asks for block 1, "?2" whether it is there, "-3"
/// cancels, "!" before them
/// replaces what was told before.
std::string told(peer_wants& wants, std::size_t bytes_max = 100'000) {
    const auto changes = wants.take_changes(bytes_max);
    std::string out = changes.full ? "!" : "";
    for (const auto& w : changes.wants) {
        out += w.cancel ? '-' : w.type == want_type::have ? '?' : '+';
        for (unsigned n = 0; n < 100; ++n)
            if (block_id(n) == w.id)
                out += std::to_string(n);
    }
    return out;
}

}  // namespace

TEST(bitswap_peer_wants, tells_each_change_once) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::have);
    w.ask(start, block_id(2), want_type::block);
    w.ask(start, block_id(2), want_type::block);
    EXPECT_EQ(told(w), "?1+2");
    EXPECT_FALSE(w.has_changes());
    w.ask(start, block_id(1), want_type::block);
    w.ask(start, block_id(2), want_type::have);
    w.cancel(block_id(2));
    w.cancel(block_id(9));
    EXPECT_EQ(told(w), "+1-2");
}

TEST(bitswap_peer_wants, a_want_that_comes_back_before_it_was_cancelled_is_told_once) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::block);
    EXPECT_EQ(told(w), "+1");
    w.cancel(block_id(1));
    w.ask(start, block_id(1), want_type::block);
    EXPECT_EQ(told(w), "+1");
}

TEST(bitswap_peer_wants, tells_in_parts) {
    peer_wants w;
    for (unsigned n = 0; n < 10; ++n)
        w.ask(start, block_id(n), want_type::block);
    EXPECT_EQ(told(w, 1), "+0");
    EXPECT_EQ(told(w), "+1+2+3+4+5+6+7+8+9");
}

TEST(bitswap_peer_wants, knows_what_was_asked_for) {
    peer_wants w;
    EXPECT_EQ(w.block(start, block_id(1)), arrival::unasked);
    w.ask(start, block_id(1), want_type::block);
    EXPECT_EQ(w.block(start + 10ms, block_id(1)), arrival::wanted);
    EXPECT_EQ(w.latency(), 10ms);
    EXPECT_EQ(w.block(start, block_id(1)), arrival::late) << "twice";
    w.ask(start, block_id(2), want_type::have);
    w.cancel(block_id(2));
    EXPECT_EQ(w.block(start, block_id(2)), arrival::late) << "crossed the cancel";
    EXPECT_EQ(w.size(), 0u);
}

TEST(bitswap_peer_wants, have_ends_the_question_dont_have_does_not) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::have);
    w.ask(start, block_id(2), want_type::block);
    EXPECT_TRUE(w.presence(start + 1ms, block_id(1), true));
    EXPECT_TRUE(w.presence(start + 1ms, block_id(2), false));
    EXPECT_FALSE(w.presence(start + 1ms, block_id(3), true));
    EXPECT_EQ(w.outstanding(), 0u);
    EXPECT_EQ(w.block(start + 2ms, block_id(2)), arrival::wanted) << "the peer got it later";
}

TEST(bitswap_peer_wants, have_that_crosses_an_upgrade_leaves_the_block_wanted) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::have);
    w.ask(start, block_id(1), want_type::block);
    EXPECT_TRUE(w.presence(start, block_id(1), true));
    EXPECT_EQ(w.outstanding(), 1u);
}

TEST(bitswap_peer_wants, gives_up_on_a_silent_peer_and_tells_it) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::block);
    told(w);
    EXPECT_EQ(w.deadline(), start + 5s);
    EXPECT_FALSE(w.expired(start + 4999ms));
    EXPECT_EQ(w.expired(start + 5s), block_id(1));
    EXPECT_FALSE(w.expired(start + 60s));
    EXPECT_EQ(told(w), "-1");
    EXPECT_EQ(w.block(start, block_id(1)), arrival::late);
}

TEST(bitswap_peer_wants, waits_shorter_for_a_peer_that_is_known_to_be_fast) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::block);
    w.block(start + 1ms, block_id(1));
    w.ask(start + 1ms, block_id(2), want_type::block);
    EXPECT_EQ(w.deadline(), start + 1001ms);
}

TEST(bitswap_peer_wants, waits_while_a_large_message_comes_in_but_not_for_a_byte_a_second) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::block);
    w.received(start + 4s, 16 * 1024);
    EXPECT_EQ(w.deadline(), start + 9s);
    for (int i = 0; i < 100; ++i)
        w.received(start + 5s, 1);
    EXPECT_EQ(w.deadline(), start + 9s);
    for (auto at = start; at < start + 100s; at += 1s)
        w.received(at, 100'000);
    EXPECT_EQ(w.deadline(), start + 60s) << "whatever else it sends";
}

TEST(bitswap_peer_wants, says_everything_again_when_the_stream_broke) {
    peer_wants w;
    w.ask(start, block_id(1), want_type::block);
    w.ask(start, block_id(2), want_type::have);
    w.cancel(block_id(1));
    told(w);
    w.resend_all();
    EXPECT_EQ(told(w), "!?2");
    w.cancel(block_id(2));
    w.resend_all();
    EXPECT_EQ(told(w), "!") << "that nothing is wanted has to be told, too";
    EXPECT_FALSE(w.has_changes());
}

TEST(bitswap_peer_wants, tells_the_whole_list_when_more_has_changed_than_it_keeps) {
    peer_wants w({.changes_max = 4});
    for (int i = 0; i < 10; ++i) {
        w.ask(start, block_id(1), want_type::block);
        w.cancel(block_id(1));
    }
    w.ask(start, block_id(2), want_type::block);
    EXPECT_EQ(told(w).substr(0, 1), "!");
    EXPECT_EQ(told(w), "");
    EXPECT_EQ(w.size(), 1u);
}

TEST(bitswap_peer_wants, remembers_so_much_and_no_more) {
    peer_wants w({.remembered_max = 3});
    for (unsigned n = 1; n <= 4; ++n) {
        w.ask(start, block_id(n), want_type::block);
        w.cancel(block_id(n));
    }
    EXPECT_EQ(w.block(start, block_id(1)), arrival::unasked);
    for (unsigned n = 2; n <= 4; ++n)
        EXPECT_EQ(w.block(start, block_id(n)), arrival::late);
}
