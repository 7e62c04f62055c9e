#include "runtime/docker/line_splitter.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "runtime/engine/errc.hpp"

using namespace dm;
using namespace dm::docker;

namespace {

std::vector<std::string> take_all(line_splitter& lines) {
    std::vector<std::string> out;
    while (const auto line = lines.poll())
        out.emplace_back(*line);
    return out;
}

using strings = std::vector<std::string>;

}  // namespace

TEST(line_splitter, gives_the_same_lines_however_the_stream_is_chopped) {
    const std::string text = "{\"a\":1}\r\n{\"b\":2}\n\r\n\n{}\r\nlast";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        line_splitter lines;
        strings seen;
        for (std::size_t at = 0; at < text.size(); at += size) {
            ASSERT_TRUE(lines.feed(std::string_view(text).substr(at, size)));
            for (auto& line : take_all(lines))
                seen.push_back(std::move(line));
        }
        EXPECT_EQ(seen, (strings{"{\"a\":1}", "{\"b\":2}", "{}"})) << size;
        EXPECT_EQ(lines.rest(), "last");
        EXPECT_EQ(lines.rest(), std::nullopt);
    }
}

TEST(line_splitter, gives_nothing_before_the_line_ends) {
    line_splitter lines;
    ASSERT_TRUE(lines.feed("{\"status\":"));
    EXPECT_EQ(lines.poll(), std::nullopt);
    ASSERT_TRUE(lines.feed("\"x\"}"));
    EXPECT_EQ(lines.poll(), std::nullopt);
    ASSERT_TRUE(lines.feed("\r\n"));
    EXPECT_EQ(lines.poll(), "{\"status\":\"x\"}");
}

TEST(line_splitter, keeps_lines_that_nobody_took_yet) {
    line_splitter lines;
    ASSERT_TRUE(lines.feed("a\nb\nc"));
    EXPECT_EQ(lines.poll(), "a");
    ASSERT_TRUE(lines.feed("d\n"));
    EXPECT_EQ(take_all(lines), (strings{"b", "cd"}));
}

TEST(line_splitter, takes_a_line_of_the_longest_length_and_no_longer) {
    line_splitter lines;
    ASSERT_TRUE(lines.feed("short\n" + std::string(line_bytes_max - 1, 'x')));
    ASSERT_TRUE(lines.feed("x"));
    ASSERT_TRUE(lines.feed("\nnext"));
    EXPECT_EQ(lines.poll(), "short");
    EXPECT_EQ(lines.poll().value_or("").size(), line_bytes_max);
    const auto over = lines.feed(std::string(line_bytes_max - 3, 'y'));
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, engine::errc::malformed_answer);
    EXPECT_FALSE(lines.feed("\n"));

    for (const auto& text : {"a\n" + std::string(line_bytes_max + 1, 'x') + "\nb",
                             "a\n" + std::string(line_bytes_max + 1, 'x')}) {
        line_splitter at_once;
        EXPECT_FALSE(at_once.feed(text));
    }
}
