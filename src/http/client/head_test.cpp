#include "http/client/head.hpp"

#include <gtest/gtest.h>

#include "http/client/errc.hpp"

using namespace dm;
using namespace dm::http;

namespace {

result<response_head> read(std::initializer_list<const char*> lines) {
    head_reader reader;
    for (const char* line : lines) {
        const auto complete = reader.line(line);
        if (!complete)
            return fail(complete.error());
        if (*complete)
            return reader.head();
    }
    return fail(errc::malformed_answer, "incomplete");
}

}  // namespace

TEST(head_reader, reads_status_and_headers) {
    const auto head = read({"HTTP/1.1 200 OK\r\n", "Content-Type:  a/b \r\n",
                            "Content-Length: 12\r\n", "X: 1\r\n", " 2\r\n", "\r\n"});
    ASSERT_TRUE(head);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(*head->find("content-TYPE"), "a/b");
    EXPECT_EQ(*head->find("x"), "1 2");
    EXPECT_EQ(head->find("y"), nullptr);
    EXPECT_EQ(head->content_length(), 12u);
}

TEST(head_reader, skips_interim_answers) {
    const auto head =
        read({"HTTP/1.1 100 Continue\r\n", "A: b\r\n", "\r\n", "HTTP/1.1 204 \r\n", "\r\n"});
    ASSERT_TRUE(head);
    EXPECT_EQ(head->status, 204);
    EXPECT_TRUE(head->headers.empty());
    EXPECT_EQ(head->content_length(), std::nullopt);
}

TEST(head_reader, ignores_trailers) {
    head_reader reader;
    for (const char* line : {"HTTP/1.1 200 OK\r\n", "\r\n"})
        ASSERT_TRUE(reader.line(line));
    EXPECT_EQ(reader.line("Status: 500\r\n"), false);
    EXPECT_TRUE(reader.head().headers.empty());
}

TEST(head_reader, refuses_what_is_no_head) {
    EXPECT_FALSE(read({"HTTP/1.1 abc\r\n"}));
    EXPECT_FALSE(read({"HTTP/1.1 20\r\n"}));
    EXPECT_FALSE(read({"ICY 200 OK\r\n"}));
    EXPECT_FALSE(read({"HTTP/1.1 200 OK\r\n", "no colon\r\n"}));
    EXPECT_FALSE(read({"HTTP/1.1 200 OK\r\n", ": no name\r\n"}));
    EXPECT_FALSE(read({"HTTP/1.1 200 OK\r\n", " folded first\r\n"}));
    EXPECT_FALSE(read({""}));
}

TEST(head_reader, bounds_the_whole_head) {
    head_reader reader;
    ASSERT_TRUE(reader.line("HTTP/1.1 200 OK\r\n"));
    const auto line = "X: " + std::string(1000, 'x');
    std::size_t lines = 0;
    while (reader.line(line))
        ++lines;
    EXPECT_EQ(lines, head_bytes_max / line.size());
}

TEST(response_head, knows_no_length_from_nonsense) {
    for (const char* bad : {"", "x", "-1", "12 13", "99999999999999999999999"})
        EXPECT_EQ((response_head{200, {{"Content-Length", bad}}, ""}.content_length()),
                  std::nullopt)
            << bad;
}
