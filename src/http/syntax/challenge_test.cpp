#include "http/syntax/challenge.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "http/syntax/errc.hpp"

using namespace dm;
using namespace dm::syntax;

namespace {

std::string value(const challenge& c, std::string_view name) {
    const auto* found = c.find(name);
    return found != nullptr ? *found : "<none>";
}

}  // namespace

TEST(challenge, keeps_commas_inside_quotes) {
    const auto all =
        parse_challenges(R"(Bearer realm="https://auth.example/token",service="registry.example",)"
                         R"(scope="repository:a/b:pull,push")");
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 1u);
    EXPECT_EQ((*all)[0].scheme, "bearer");
    EXPECT_EQ(value((*all)[0], "realm"), "https://auth.example/token");
    EXPECT_EQ(value((*all)[0], "service"), "registry.example");
    EXPECT_EQ(value((*all)[0], "scope"), "repository:a/b:pull,push");
    EXPECT_EQ((*all)[0].find("error"), nullptr);
}

TEST(challenge, tells_several_in_one_line_apart) {
    const auto all = parse_challenges(
        R"(Newauth realm="apps", type=1, title="Login to \"apps\"" , , BASIC realm="simple",Negotiate)");
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 3u);
    EXPECT_EQ(value((*all)[0], "title"), "Login to \"apps\"");
    EXPECT_EQ(value((*all)[0], "type"), "1");
    EXPECT_EQ((*all)[1].scheme, "basic");
    EXPECT_EQ(value((*all)[1], "realm"), "simple");
    EXPECT_EQ((*all)[2].scheme, "negotiate");
    EXPECT_TRUE((*all)[2].parameters.empty());
}

TEST(challenge, lowers_names_but_not_values) {
    const auto all = parse_challenges(R"(bEaReR ReAlM = "https://Auth.Example/T" )");
    ASSERT_TRUE(all);
    EXPECT_EQ(value(all->at(0), "realm"), "https://Auth.Example/T");
}

TEST(challenge, accepts_the_bare_values_that_some_registries_send) {
    const auto all = parse_challenges("Bearer realm=https://auth/token?a=b,service=x");
    ASSERT_TRUE(all);
    EXPECT_EQ(value(all->at(0), "realm"), "https://auth/token?a=b");
    EXPECT_EQ(value(all->at(0), "service"), "x");
}

TEST(challenge, reads_token68) {
    const auto all = parse_challenges("Negotiate YWJj==, Basic realm=x");
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 2u);
    EXPECT_EQ((*all)[0].token, "YWJj==");
    EXPECT_EQ(value((*all)[1], "realm"), "x");
}

TEST(challenge, of_empty_text_is_none) {
    EXPECT_TRUE(parse_challenges("")->empty());
    EXPECT_TRUE(parse_challenges(" , ")->empty());
}

TEST(challenge, refuses_malformed_text) {
    for (const char* text : {R"(Bearer realm="open)", R"(Bearer realm="x\)", "=", "\"quoted\"",
                             R"(Bearer realm="a"b)", "Bearer/x", R"(Bearer a=b c=d)"})
        EXPECT_EQ(parse_challenges(text).error().code, make_error_code(errc::malformed_challenge))
            << text;
}

TEST(challenge, stops_at_its_limits) {
    std::string schemes = "s0";
    for (std::size_t i = 1; i < challenges_max; ++i)
        schemes += fmt::format(",s{}", i);
    EXPECT_EQ(parse_challenges(schemes)->size(), challenges_max);
    EXPECT_FALSE(parse_challenges(schemes + ",more"));

    std::string parameters = "Bearer p=0";
    for (std::size_t i = 1; i < challenge_parameters_max; ++i)
        parameters += fmt::format(",p={}", i);
    EXPECT_EQ(parse_challenges(parameters)->at(0).parameters.size(), challenge_parameters_max);
    EXPECT_FALSE(parse_challenges(parameters + ",more=1"));

    const auto text = "Bearer realm=" + std::string(challenge_text_max - 13, 'x');
    EXPECT_TRUE(parse_challenges(text));
    EXPECT_FALSE(parse_challenges(text + "x"));
}
