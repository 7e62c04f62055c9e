#include "http/server/request_reader.hpp"

#include <gtest/gtest.h>

#include <cstring>

using namespace dm;
using namespace dm::server;

namespace {

constexpr std::size_t head_max = 4096;

struct outcome {
    std::vector<request_head> heads;
    std::vector<std::string> bodies;
    std::optional<error> failed;
};

/// Reads all requests of `text`, given in pieces of `step` bytes.
outcome read_all(std::string_view text, std::size_t step) {
    request_reader reader(head_max);
    outcome out;
    bool in_body = false;
    const auto advance = [&] {
        for (;;) {
            if (!in_body) {
                auto head = reader.next_head();
                if (!head) {
                    out.failed = head.error();
                    return;
                }
                if (!*head)
                    return;
                out.heads.push_back(**std::move(head));
                out.bodies.emplace_back();
                in_body = true;
            }
            std::array<std::byte, 7> into;
            const auto n = reader.next_body(into);
            if (!n) {
                out.failed = n.error();
                return;
            }
            out.bodies.back() += as_chars(byte_view(into).first(*n));
            if (*n == 0 && !reader.body_done())
                return;
            in_body = !reader.body_done();
        }
    };
    while (!text.empty() && !out.failed) {
        const auto space = reader.space();
        const auto n = std::min({step, text.size(), space.size()});
        std::memcpy(space.data(), text.data(), n);
        reader.added(n);
        text.remove_prefix(n);
        advance();
    }
    return out;
}

std::error_code refusal_of(std::string_view text) {
    const auto whole = read_all(text, text.size());
    const auto shredded = read_all(text, 1);
    EXPECT_EQ(whole.failed.has_value(), shredded.failed.has_value()) << text;
    if (whole.failed && shredded.failed) {
        EXPECT_EQ(whole.failed->code, shredded.failed->code) << text;
    }
    return whole.failed ? whole.failed->code : std::error_code();
}

}  // namespace

TEST(request_reader, reads_pipelined_requests_in_pieces_of_any_size) {
    const std::string text =
        "\r\nGET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /x?y=1 HTTP/1.1\r\nhost: a\r\nContent-Length: 11\r\n\r\nhello world"
        "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
        "5;ext=1\r\nhello\r\n12\r\n, chunks of a body\r\n0\r\nTrailer: t\r\n\r\n"
        "GET /old HTTP/1.0\r\n\r\n";
    for (std::size_t step = 1; step <= text.size(); step += step < 20 ? 1 : 17) {
        const auto got = read_all(text, step);
        ASSERT_FALSE(got.failed) << got.failed->message() << " at step " << step;
        ASSERT_EQ(got.heads.size(), 4u) << step;
        EXPECT_EQ(got.heads[0].where.path, "/v2/");
        EXPECT_TRUE(got.heads[0].keep_alive);
        EXPECT_EQ(got.bodies[1], "hello world");
        EXPECT_EQ(got.heads[1].content_length, 11u);
        EXPECT_EQ(*got.heads[1].where.find_query("y"), "1");
        EXPECT_EQ(got.bodies[2], "hello, chunks of a body");
        EXPECT_FALSE(got.heads[2].keep_alive);
        EXPECT_FALSE(got.heads[3].keep_alive);
        EXPECT_FALSE(got.heads[3].understands_chunks);
    }
}

TEST(request_reader, refuses_what_could_be_read_in_two_ways) {
    const auto post = [](std::string_view fields) {
        return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n0\r\n\r\n";
    };
    for (const char* fields : {
             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
             "Content-Length: 5\r\nContent-Length: 6\r\n",
             "Content-Length: -1\r\n",
             "Content-Length: 5x\r\n",
             "Content-Length: 99999999999999999999999\r\n",
             "Host: b\r\n",
             "Bad Name: x\r\n",
             "no-colon\r\n",
         })
        EXPECT_EQ(refusal_of(post(fields)), errc::malformed_request) << fields;
    EXPECT_EQ(refusal_of(post("Transfer-Encoding: gzip\r\n")), errc::unsupported_coding);
    EXPECT_EQ(refusal_of(post("Transfer-Encoding: gzip, chunked\r\n")), errc::unsupported_coding);
    EXPECT_EQ(refusal_of(post("Expect: a miracle\r\n")), errc::expectation_failed);
    EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\r\n"), errc::malformed_request);
    EXPECT_EQ(refusal_of("GET / HTTP/2.0\r\n\r\n"), errc::unsupported_version);
    EXPECT_EQ(refusal_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), errc::unsupported_version);
    EXPECT_EQ(refusal_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
              errc::malformed_request);
    EXPECT_EQ(refusal_of("GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n"), errc::malformed_target);
    EXPECT_EQ(refusal_of("\x16\x03\x01"), errc::tls_on_plain_port);
    EXPECT_EQ(refusal_of(std::string_view("\0\0\0", 3)), errc::malformed_request);
}

TEST(request_reader, refuses_chunks_that_are_none) {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char* body : {"x\r\n", "5\r\nhelloX\r\n", "-1\r\n", "fffffffffffffffff\r\n",
                             "0x5\r\nhello", "\r\n", "5\nhello", "5 bad\r\nhello"})
        EXPECT_EQ(refusal_of(head + body), errc::malformed_request) << body;
}

TEST(request_reader, limits_the_head) {
    const auto padded = [](std::size_t size) {
        std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        return text + std::string(size - text.size() - 4, 'x') + "\r\n\r\n";
    };
    EXPECT_EQ(refusal_of(padded(head_max)), std::error_code());
    EXPECT_EQ(refusal_of(padded(head_max + 1)), errc::head_too_large);
    EXPECT_EQ(refusal_of("GET /" + std::string(10 * head_max, 'x')), errc::head_too_large);
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < header_fields_max; ++i)
        many += "a:\r\n";
    EXPECT_EQ(refusal_of(many + "\r\n"), std::error_code());
    EXPECT_EQ(refusal_of(many + "a:\r\n\r\n"), errc::head_too_large);
}

TEST(request_reader, limits_the_head_of_a_chunk) {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string fill(chunk_head_bytes_max, 'x');
    EXPECT_EQ(refusal_of(head + "5;e=" + fill), errc::malformed_request);
    EXPECT_EQ(refusal_of(head + "0\r\nA: " + fill), errc::malformed_request);
}

TEST(parse_target, splits_and_decodes) {
    const auto t = *parse_target("/api/v1/strategy/a%2Fb%3A1/?x=1&y=a+b%26&&z&x=2");
    EXPECT_EQ(t.path, "/api/v1/strategy/a%2Fb%3A1/");
    EXPECT_EQ(t.segments, (std::vector<std::string>{"api", "v1", "strategy", "a/b:1", ""}));
    EXPECT_EQ(*t.find_query("x"), "1");
    EXPECT_EQ(*t.find_query("y"), "a b&");
    EXPECT_EQ(*t.find_query("z"), "");
    EXPECT_FALSE(t.find_query("none"));
    EXPECT_EQ(parse_target("/")->segments, std::vector<std::string>{""});
    EXPECT_EQ(parse_target("/ä")->segments, std::vector<std::string>{"ä"});
    EXPECT_TRUE(parse_target("*")->segments.empty());
    const auto absolute = *parse_target("http://Host:81/a?b=c");
    EXPECT_EQ(absolute.authority, "host:81");
    EXPECT_EQ(absolute.segments, std::vector<std::string>{"a"});
    EXPECT_EQ(*absolute.find_query("b"), "c");
}

TEST(parse_target, refuses_tricks) {
    for (const char* bad :
         {"",        "a",          "ftp://x/",      "/a/../b",    "/a/%2e%2E",     "/.",
          "/%00",    "/%",         "/%g0",          "/%0a",       "/\x7f",         "/%c3",
          "/%c0%af", "/%ed%a0%80", "/%f4%90%80%80", "/%e0%80%80", "/%f0%80%80%80", "/?a=%",
          "/?a=%00", "/?%ff"})
        EXPECT_FALSE(parse_target(bad)) << bad;
    for (const char* good : {"/%e2%82%ac", "/%f0%9f%90%b3", "/...", "/?a=%0a"})
        EXPECT_TRUE(parse_target(good)) << good;
}

TEST(parse_target, limits_segments_and_parameters) {
    std::string path;
    for (std::size_t i = 0; i < path_segments_max; ++i)
        path += "/a";
    EXPECT_TRUE(parse_target(path));
    EXPECT_FALSE(parse_target(path + "/a"));
    std::string query = "/?";
    for (std::size_t i = 0; i < query_parameters_max; ++i)
        query += "a=1&";
    EXPECT_TRUE(parse_target(query));
    EXPECT_FALSE(parse_target(query + "a"));
}
