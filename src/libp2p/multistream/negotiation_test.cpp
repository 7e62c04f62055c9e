#include "libp2p/multistream/negotiation.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "base/rng.hpp"
#include "base/varint.hpp"

using namespace dm;
using multistream::negotiation;

namespace {

bytes message(std::string_view text) {
    bytes out;
    append_varint(out, text.size() + 1);
    append(out, text);
    append(out, "\n");
    return out;
}

std::error_code code_of(negotiation n, byte_view data) {
    const auto r = n.feed(data);
    return r ? std::error_code{} : r.error().code;
}

negotiation speaks(std::string protocol) {
    return negotiation::answer([protocol](const std::string& p) { return p == protocol; });
}

/// Moves what one has to say to the other in pieces of random size.
bool move_some(negotiation& from, negotiation& to, rng& random) {
    const auto data = from.pending();
    if (data.empty())
        return false;
    const auto n = std::uniform_int_distribution<std::size_t>(1, data.size())(random);
    const auto taken = to.feed(data.first(n));
    EXPECT_TRUE(taken) << taken.error().message();
    from.sent(n);
    return true;
}

}  // namespace

TEST(negotiation, sends_the_header_and_the_first_proposal_at_once) {
    const auto n = negotiation::propose({"/noise"});
    EXPECT_EQ(to_hex(n.pending()), "132f6d756c746973747265616d2f312e302e300a072f6e6f6973650a");
}

TEST(negotiation, refuses_what_it_does_not_know_and_takes_the_next) {
    auto n = speaks("/noise");
    n.sent(n.pending().size());
    auto in = message("/multistream/1.0.0");
    append(in, message("/tls/1.0.0"));
    append(in, message("ls"));
    EXPECT_EQ(n.feed(in).value(), in.size());
    EXPECT_EQ(to_hex(n.pending()), "036e610a036e610a");
    EXPECT_FALSE(n.chosen());
    n.sent(n.pending().size());
    EXPECT_TRUE(n.feed(message("/noise")));
    EXPECT_EQ(n.chosen(), "/noise");
    EXPECT_EQ(to_hex(n.pending()), "072f6e6f6973650a");
}

TEST(negotiation, leaves_the_bytes_of_the_protocol_alone) {
    auto n = speaks("/a");
    auto in = message("/multistream/1.0.0");
    append(in, message("/a"));
    const auto own = in.size();
    append(in, "data that came along");
    EXPECT_EQ(n.feed(in).value(), own);
    EXPECT_EQ(n.wanted(), 0u);
    EXPECT_EQ(n.feed(in).value(), 0u);
}

TEST(negotiation, can_be_read_exactly) {
    auto n = speaks("/a");
    auto in = message("/multistream/1.0.0");
    append(in, message("/a"));
    std::size_t at = 0;
    int reads = 0;
    while (const auto want = n.wanted()) {
        ASSERT_LE(at + want, in.size());
        ASSERT_EQ(n.feed(byte_view(in).subspan(at, want)).value(), want);
        at += want;
        ++reads;
    }
    EXPECT_EQ(at, in.size());
    EXPECT_EQ(reads, 4);
}

TEST(negotiation, proposes_one_after_the_other_and_fails_when_all_are_refused) {
    auto n = negotiation::propose({"/a", "/b"});
    n.sent(n.pending().size());
    auto in = message("/multistream/1.0.0");
    append(in, message("na"));
    EXPECT_TRUE(n.feed(in));
    EXPECT_EQ(as_chars(n.pending()), "\x03/b\n");
    EXPECT_EQ(code_of(n, message("na")), multistream::errc::none_in_common);
    EXPECT_EQ(code_of(n, message("/a")), multistream::errc::malformed);
}

TEST(negotiation, refuses_broken_messages) {
    const auto answers = [](byte_view data) { return code_of(speaks("/a"), data); };
    EXPECT_EQ(answers(message("/multistream/2.0.0")), multistream::errc::malformed);
    EXPECT_EQ(answers(as_bytes("\x02"
                               "ab")),
              multistream::errc::malformed);
    EXPECT_EQ(answers(bytes(1)), multistream::errc::malformed);
    EXPECT_EQ(answers(from_hex("ffff").value()), multistream::errc::too_long);
    EXPECT_EQ(answers(from_hex("8108").value()), multistream::errc::too_long);  // 1025
    EXPECT_EQ(answers(from_hex("8008").value()), std::error_code{});            // 1024
    EXPECT_EQ(answers(from_hex("16030102").value()), std::error_code{});  // TLS: waits for 22 bytes
}

TEST(negotiation, ends_after_too_many_proposals) {
    auto n = speaks("/a");
    EXPECT_TRUE(n.feed(message("/multistream/1.0.0")));
    for (std::size_t i = 0; i < multistream::proposals_max; ++i)
        ASSERT_TRUE(n.feed(message("/b")));
    EXPECT_EQ(code_of(n, message("/a")), multistream::errc::too_many);
}

TEST(negotiation, agrees_with_itself_over_shredded_bytes) {
    const auto seed = random_seed();
    SCOPED_TRACE(seed);
    rng random(seed);
    for (int round = 0; round < 200; ++round) {
        auto a = negotiation::propose({"/x", "/y/1.0.0", "/z"});
        auto b = speaks("/z");
        bool moved = true;
        while (moved) {
            moved = move_some(a, b, random);
            moved = move_some(b, a, random) || moved;
        }
        EXPECT_EQ(a.chosen(), "/z");
        EXPECT_EQ(b.chosen(), "/z");
    }
}
