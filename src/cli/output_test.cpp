#include "cli/output.hpp"

#include <gtest/gtest.h>

using namespace dm::cli;

TEST(table, aligns_columns_by_letters_and_ends_no_line_in_spaces) {
    table t({"NAME", "N", "NOTE"});
    t.row({"größe", "1", ""});
    t.row({"a", "1000", "x"});
    EXPECT_EQ(t.text(),
              "NAME   N     NOTE\n"
              "größe  1\n"
              "a      1000  x\n");
}

TEST(table, lets_no_control_characters_through_to_a_terminal) {
    table t({"NAME"});
    t.row({"\x1b[2Jname\n\x7f"});
    EXPECT_EQ(t.text(), "NAME\n?[2Jname??\n");
}

TEST(short_digest, keeps_the_algorithm_and_twelve_digits) {
    EXPECT_EQ(short_digest("sha256:" + std::string(64, 'a')), "sha256:aaaaaaaaaaaa");
    EXPECT_EQ(short_digest("sha256:ab"), "sha256:ab");
    EXPECT_EQ(short_digest(""), "");
}

TEST(progress_text, says_how_far_how_fast_and_from_where) {
    EXPECT_EQ(progress_text(json::parse(R"({"bytes_done":42,"bytes_total":100})")),
              "42 % of 100 B");
    EXPECT_EQ(
        progress_text(json::parse(
            R"({"bytes_done":512,"bytes_total":1024,"bytes_per_second":2048,"from":"docker.io"})")),
        "50 % of 1.0 KiB, 2.0 KiB/s, from docker.io");
    EXPECT_EQ(progress_text(json::parse(R"({"bytes_done":100,"bytes_total":100})")), "");
    EXPECT_EQ(progress_text(json::object()), "");
    EXPECT_EQ(progress_text("no object"), "");
}

TEST(answers, are_read_forgivingly) {
    const auto value = json::parse(R"({"text":"a","number":7,"yes":true,"list":["a",1,"b"]})");
    EXPECT_EQ(text(value, "text"), "a");
    EXPECT_EQ(text(value, "number"), "");
    EXPECT_EQ(number(value, "number"), 7u);
    EXPECT_EQ(number(value, "text"), 0u);
    EXPECT_EQ(number({{"n", -1}}, "n"), 0u);
    EXPECT_TRUE(truth(value, "yes"));
    EXPECT_FALSE(truth(value, "text"));
    EXPECT_TRUE(member(value, "absent").is_null());
    EXPECT_TRUE(member(member(value, "text"), "inner").is_null());
    EXPECT_EQ(texts(value, "list"), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(texts(value, "text").empty());
}
