#include "http/syntax/url.hpp"

#include <gtest/gtest.h>

#include "http/syntax/errc.hpp"
#include "http/syntax/media_type.hpp"

using namespace dm;
using namespace dm::syntax;

TEST(authority, reads_names_addresses_and_ports) {
    EXPECT_EQ(parse_authority("LocalHost"), (authority{"localhost", std::nullopt}));
    EXPECT_EQ(parse_authority("10.0.0.1:5000"), (authority{"10.0.0.1", 5000}));
    EXPECT_EQ(parse_authority("[::1]:3000"), (authority{"::1", 3000}));
    EXPECT_EQ(parse_authority("[2001:DB8::1]"), (authority{"2001:db8::1", std::nullopt}));
    for (const char* text : {"localhost:5000", "[::1]:3000", "a.b"})
        EXPECT_EQ(to_string(*parse_authority(text)), text);
}

TEST(authority, refuses_anything_else) {
    for (const char* text : {"", ":5000", "a:", "a:0", "a:65536", "a:+1", "a:1a", "::1", "[::1",
                             "[x]:1", "[::1]x", "a b", "a/b", "..", ".a", "a@b", "a:000080"})
        EXPECT_EQ(parse_authority(text).error().code, make_error_code(errc::malformed_authority))
            << text;
    EXPECT_TRUE(parse_authority(std::string(host_text_max, 'a')));
    EXPECT_FALSE(parse_authority(std::string(host_text_max + 1, 'a')));
}

TEST(url, splits_into_what_a_request_needs) {
    EXPECT_EQ(parse_url("https://Auth.Example/token?a=b#frag"),
              (url{"https", "auth.example", 443, "/token?a=b"}));
    EXPECT_EQ(parse_url("HTTP://[::1]:5005"), (url{"http", "::1", 5005, "/"}));
    EXPECT_EQ(parse_url("http://h?x=1"), (url{"http", "h", 80, "/?x=1"}));
    EXPECT_EQ(parse_url("http://h/a?x=1")->path(), "/a");
}

TEST(url, writes_what_it_reads) {
    for (const char* text :
         {"https://auth.example/token?a=b", "http://[::1]:5005/", "http://h:443/x"})
        EXPECT_EQ(to_string(*parse_url(text)), text);
}

TEST(url, refuses_users_other_schemes_and_smuggled_requests) {
    for (const char* text : {"", "x", "ftp://h/", "https//h", "https://", "https:///x",
                             "https://user:pw@h/", "https://h:99999/", "https://h/a b",
                             "https://h/a\r\nHost: evil", "file:///etc/passwd", "://h/"})
        EXPECT_EQ(parse_url(text).error().code, make_error_code(errc::malformed_url)) << text;
    const auto text = "http://h/" + std::string(url_text_max - 9, 'x');
    EXPECT_TRUE(parse_url(text));
    EXPECT_FALSE(parse_url(text + "x"));
}

TEST(url, resolves_a_location_against_where_it_came_from) {
    const auto base = *parse_url("https://r.example:8443/v2/a/blobs/x?y=1");
    const std::pair<const char*, const char*> cases[] = {
        {"http://other/z", "http://other/z"},
        {"//cdn.example/z?sig=a/b", "https://cdn.example/z?sig=a/b"},
        {"/z", "https://r.example:8443/z"},
        {"z?q", "https://r.example:8443/v2/a/blobs/z?q"},
        {"?q", "https://r.example:8443/v2/a/blobs/x?q"},
        {"", "https://r.example:8443/v2/a/blobs/x?y=1"},
        {"/u:8", "https://r.example:8443/u:8"},
    };
    for (const auto& [location, expected] : cases)
        EXPECT_EQ(to_string(*resolve(base, location)), expected) << location;
    EXPECT_FALSE(resolve(base, "/a b"));
    EXPECT_FALSE(resolve(base, "gopher://x/"));
}

TEST(url, tells_origins_apart) {
    const auto a = *parse_url("https://h/x");
    EXPECT_TRUE(same_origin(a, *parse_url("https://H:443/y")));
    for (const char* other : {"http://h:443/x", "https://h:444/x", "https://g/x"})
        EXPECT_FALSE(same_origin(a, *parse_url(other))) << other;
}

TEST(loopback, is_what_never_leaves_the_machine) {
    for (const char* host :
         {"localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"})
        EXPECT_TRUE(is_loopback_host(host)) << host;
    for (const char* host : {"", "notlocalhost", "localhost.example", "128.0.0.1", "::2",
                             "10.0.0.1", "127.0.0.1.example", "127.1"})
        EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(percent, encodes_all_that_could_be_taken_for_syntax) {
    EXPECT_EQ(percent_encode("repository:a/b:pull,push ~é"),
              "repository%3Aa%2Fb%3Apull%2Cpush%20~%C3%A9");
    EXPECT_EQ(percent_decode("busybox%3A1.35.0%2f+"), "busybox:1.35.0/+");
    for (const char* text : {"%", "%4", "%zz", "a%4"})
        EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(media_type, drops_parameters_and_case) {
    EXPECT_EQ(media_type_essence("Application/JSON ; charset=utf-8"), "application/json");
    EXPECT_EQ(media_type_essence(""), "");
}
