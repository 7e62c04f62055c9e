#include "oci/upstream/token.hpp"

#include <gtest/gtest.h>

#include "oci/upstream/errc.hpp"

using namespace dm;
using namespace dm::upstream;
using namespace std::chrono_literals;

namespace {

offered_schemes offered(http::header_list headers) {
    return schemes_in({401, std::move(headers), ""});
}

const token_source source{*syntax::parse_url("https://auth.example/token"), "registry.example", ""};

}  // namespace

TEST(token, source_is_read_from_the_challenges) {
    const auto both = offered(
        {{"WWW-Authenticate", "Basic realm=\"x\""},
         {"www-authenticate",
          "Bearer "
          "realm=\"https://auth.example/t?a=b\",service=\"s\",scope=\"repository:a:pull,push\","
          "error=\"insufficient_scope\""}});
    EXPECT_TRUE(both.basic);
    const auto found = both.bearer.value_or(token_source{});
    EXPECT_EQ(syntax::to_string(found.realm), "https://auth.example/t?a=b");
    EXPECT_EQ(found.service, "s");
    EXPECT_EQ(found.scope, "repository:a:pull,push");
    EXPECT_TRUE(found.insufficient_scope);
}

TEST(token, source_needs_a_usable_realm) {
    for (const char* value :
         {"Bearer service=\"s\"", "Bearer realm=\"ftp://x\"", "Bearer", "\"", "Negotiate abc"}) {
        const auto none = offered({{"WWW-Authenticate", value}});
        EXPECT_FALSE(none.bearer) << value;
        EXPECT_FALSE(none.basic) << value;
    }
    EXPECT_FALSE(offered({}).bearer);
}

TEST(token, prefers_access_token_and_bounds_its_lifetime) {
    EXPECT_EQ(parse_token(R"({"token":"a"})")->value, "a");
    EXPECT_EQ(parse_token(R"({"token":"a","access_token":"b"})")->value, "b");
    EXPECT_EQ(parse_token(R"({"token":"a"})")->lifetime, 60s);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":5})")->lifetime, 60s);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":300})")->lifetime, 300s);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":99999999999})")->lifetime, 24h);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":-1})")->lifetime, 60s);
}

TEST(token, refuses_what_no_header_may_hold) {
    const auto long_one = R"({"token":")" + std::string(token_text_max + 1, 'x') + "\"}";
    for (const auto& bad :
         {std::string("no json"), std::string("{}"), std::string(R"({"token":""})"),
          std::string(R"({"token":"a\r\nX: y"})"), std::string(R"({"token":"a b"})"),
          std::string(R"({"token":5})"), std::string("[]"), long_one})
        EXPECT_EQ(parse_token(bad).error().code, errc::corrupt) << bad.substr(0, 40);
}

TEST(token, is_asked_for_anonymously_or_with_basic) {
    const auto anonymous = token_get(source, "repository:a/b:pull", {});
    EXPECT_EQ(
        anonymous.url,
        "https://auth.example/token?service=registry.example&scope=repository%3Aa%2Fb%3Apull");
    EXPECT_TRUE(anonymous.headers.empty());
    auto with_query = source;
    with_query.realm = *syntax::parse_url("https://auth.example/token?x=1");
    const auto known = token_get(with_query, "a b", {credential::kind::password, "me&you", "p:w"});
    EXPECT_EQ(
        known.url,
        "https://auth.example/token?x=1&service=registry.example&scope=a&scope=b&account=me%26you");
    EXPECT_EQ(known.headers.at(0), (http::header{"Authorization", "Basic bWUmeW91OnA6dw=="}));
}

TEST(token, is_refreshed_by_post) {
    const auto refresh = token_post(source, "s", {credential::kind::identity_token, "", "r&t"});
    EXPECT_EQ(refresh.method, "POST");
    EXPECT_EQ(refresh.url, "https://auth.example/token");
    EXPECT_EQ(refresh.body,
              "grant_type=refresh_token&refresh_token=r%26t&service=registry.example&"
              "client_id=distromash&scope=s");
    const auto password = token_post(source, "s", {credential::kind::password, "u", "p"});
    EXPECT_TRUE(password.body.starts_with("grant_type=password&username=u&password=p&"));
}
