#include "oci/platform.hpp"

#include <gtest/gtest.h>

#include "oci/errc.hpp"

using namespace dm;
using namespace dm::oci;

namespace {

platform p(std::string_view text) {
    return parse_platform(text).value();
}

// Best first, by the ranks that match_rank gives.
std::vector<std::string> ordered(std::string_view wanted,
                                 std::initializer_list<const char*> candidates) {
    std::multimap<unsigned, std::string> by_rank;
    for (const char* c : candidates)
        if (const auto rank = match_rank(p(wanted), p(c)))
            by_rank.emplace(*rank, p(c).to_string());
    std::vector<std::string> out;
    for (auto& [rank, name] : by_rank)
        out.push_back(name);
    return out;
}

using names = std::vector<std::string>;

}  // namespace

TEST(platform, has_one_spelling) {
    const std::pair<const char*, const char*> cases[] = {
        {"linux/amd64", "linux/amd64"},     {"linux/x86_64", "linux/amd64"},
        {"linux/amd64/v1", "linux/amd64"},  {"linux/amd64/v3", "linux/amd64/v3"},
        {"linux/aarch64", "linux/arm64"},   {"linux/arm64/v8", "linux/arm64"},
        {"linux/arm64/8", "linux/arm64"},   {"linux/arm64/v9.0", "linux/arm64/v9"},
        {"linux/arm", "linux/arm/v7"},      {"linux/arm/6", "linux/arm/v6"},
        {"linux/armhf", "linux/arm/v7"},    {"linux/armel", "linux/arm/v6"},
        {"Linux/I386", "linux/386"},        {"macos/arm64", "darwin/arm64"},
        {"arm64", "linux/arm64"},           {"linux/riscv64", "linux/riscv64"},
        {"windows/amd64", "windows/amd64"},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(p(text).to_string(), expected) << text;
}

TEST(platform, refuses_what_names_none) {
    for (const char* text : {"", "/", "linux/", "/amd64", "linux", "toaster", "a/b/c/d",
                             "linux/a b", "linux//v7", "linux/arm/"})
        EXPECT_EQ(parse_platform(text).error().code, make_error_code(errc::malformed_platform))
            << text;
    EXPECT_TRUE(parse_platform("linux/" + std::string(platform_text_max - 6, 'a')));
    EXPECT_FALSE(parse_platform("linux/" + std::string(platform_text_max - 5, 'a')));
    EXPECT_FALSE(parse_platform("linux/arm/7" + std::string(platform_text_max - 11, '0')));
}

TEST(platform_match, prefers_as_containerd_does) {
    EXPECT_EQ(ordered("linux/amd64/v3", {"linux/386", "linux/amd64", "linux/amd64/v4",
                                         "linux/amd64/v2", "linux/amd64/v3", "linux/arm64"}),
              (names{"linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"}));
    EXPECT_EQ(ordered("linux/amd64", {"linux/amd64/v2", "linux/386", "windows/amd64"}),
              (names{"linux/386"}));
    EXPECT_EQ(ordered("linux/arm", {"linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm/v8",
                                    "linux/arm/v4"}),
              (names{"linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
    EXPECT_EQ(ordered("linux/arm/v6", {"linux/arm/v7", "linux/arm/v5", "linux/arm/v6"}),
              (names{"linux/arm/v6", "linux/arm/v5"}));
    EXPECT_EQ(ordered("linux/arm64", {"linux/arm/v5", "linux/arm/v7", "linux/arm64",
                                      "linux/arm64/v8.1", "linux/arm/v8"}),
              (names{"linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v5"}));
    EXPECT_EQ(ordered("linux/arm64/v9.1", {"linux/arm64", "linux/arm64/v9", "linux/arm64/v8.6",
                                           "linux/arm64/v8.7", "linux/arm64/v9.2", "linux/arm/v7"}),
              (names{"linux/arm64/v9", "linux/arm64/v8.6", "linux/arm64", "linux/arm/v7"}));
    EXPECT_EQ(ordered("linux/s390x", {"linux/s390x", "linux/amd64"}), (names{"linux/s390x"}));
}

TEST(platform_choice, reads_auto_all_and_lists) {
    const platform host{"linux", "aarch64"};
    EXPECT_EQ(parse_platform_choice({}, host)->listed, std::vector{p("linux/arm64")});
    const std::vector<std::string> automatic{"auto"};
    EXPECT_EQ(parse_platform_choice(automatic, host)->listed, std::vector{p("linux/arm64")});
    const std::vector<std::string> list{"linux/arm/v7", "auto", "linux/arm64", "amd64"};
    EXPECT_EQ(parse_platform_choice(list, host)->listed,
              (std::vector{p("linux/amd64"), p("linux/arm/v7"), p("linux/arm64")}));
    const std::vector<std::string> all{"linux/arm64", "all"};
    EXPECT_EQ(*parse_platform_choice(all, host), (platform_choice{.all = true, .listed = {}}));
    const std::vector<std::string> wrong{"auto", "x/y/z/"};
    EXPECT_FALSE(parse_platform_choice(wrong, host));
    std::vector<std::string> many(platforms_asked_max, "auto");
    EXPECT_TRUE(parse_platform_choice(many, host));
    many.emplace_back("auto");
    EXPECT_FALSE(parse_platform_choice(many, host));
}
