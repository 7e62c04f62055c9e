#include "multiformats/delimited.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

/// All messages of a stream that comes in pieces of `step` bytes; nullopt when it is refused.
std::optional<std::vector<std::string>> read_all(byte_view stream, std::size_t step,
                                                 std::size_t max = 1000) {
    delimited_reader reader(max);
    std::vector<std::string> out;
    while (!stream.empty()) {
        auto piece = stream.first(std::min(step, stream.size()));
        stream = stream.subspan(piece.size());
        while (!piece.empty()) {
            const auto taken = reader.feed(piece);
            if (!taken)
                return std::nullopt;
            piece = piece.subspan(*taken);
            if (const auto message = reader.take())
                out.emplace_back(as_chars(*message));
        }
    }
    if (!reader.is_between_messages())
        return std::nullopt;
    return out;
}

}  // namespace

TEST(delimited, messages_come_out_as_they_went_in_however_they_are_cut) {
    const std::vector<std::string> messages{"a", "", std::string(300, 'x'), "end"};
    bytes stream;
    for (const auto& m : messages)
        append_delimited(stream, as_bytes(m));
    for (const std::size_t step : {1u, 2u, 3u, 7u, 1000u})
        EXPECT_EQ(read_all(stream, step), messages) << step;
}

TEST(delimited, a_stream_may_only_end_between_messages) {
    bytes stream;
    append_delimited(stream, as_bytes("abc"));
    EXPECT_FALSE(read_all(byte_view(stream).first(3), 10));
    EXPECT_FALSE(read_all(*from_hex("80"), 10));
}

TEST(delimited, takes_the_largest_message_and_none_beyond) {
    bytes stream;
    append_delimited(stream, as_bytes(std::string(100, 'x')));
    EXPECT_TRUE(read_all(stream, 10, 100));
    EXPECT_FALSE(read_all(stream, 10, 99));
    EXPECT_FALSE(read_all(*from_hex("ffffffffffffffff7f"), 1, 4'000'000));
}

TEST(delimited, refuses_lengths_that_are_not_minimal) {
    EXPECT_FALSE(read_all(*from_hex("810061"), 10));
}
