#include "runtime/engine/name.hpp"

#include <gtest/gtest.h>

#include "runtime/engine/errc.hpp"

using namespace dm;
using namespace dm::engine;

TEST(name, is_taken_apart) {
    const auto tagged = split_name("127.0.0.1:5005/a/b:v1");
    EXPECT_EQ(tagged->repository, "127.0.0.1:5005/a/b");
    EXPECT_EQ(tagged->tag, "v1");
    EXPECT_EQ(tagged->digest, "");
    const auto pinned = split_name("127.0.0.1:5005/ciq@sha256:00ff");
    EXPECT_EQ(pinned->repository, "127.0.0.1:5005/ciq");
    EXPECT_EQ(pinned->tag, "");
    EXPECT_EQ(pinned->digest, "sha256:00ff");
    const auto both = split_name("[::1]:5005/x:1@sha256:00");
    EXPECT_EQ(both->repository, "[::1]:5005/x");
    EXPECT_EQ(both->tag, "1");
    EXPECT_EQ(split_name("busybox")->repository, "busybox");
}

TEST(name, is_refused_when_it_cannot_be_one) {
    for (const char* bad :
         {"", "/", "a//b", "a/../b:1", "../../etc", ".", "a b", "a?x=1", "a%2f", "a#b", "x:", "x@",
          "a@b@c", "a@sha256:0/1", "a\nb", "\xc3\xa4", "/a:1", "a/:1"}) {
        const auto got = split_name(bad);
        ASSERT_FALSE(got) << bad;
        EXPECT_EQ(got.error().code, errc::invalid_request);
    }
}

TEST(name, has_a_longest_length) {
    EXPECT_TRUE(split_name(std::string(name_text_max, 'a')));
    EXPECT_FALSE(split_name(std::string(name_text_max + 1, 'a')));
}

TEST(name, needs_a_tag_or_digest_to_be_pulled_and_a_tag_to_be_given) {
    EXPECT_FALSE(split_full_name("busybox"));
    EXPECT_FALSE(split_full_name("localhost:5000/busybox"));
    EXPECT_TRUE(split_full_name("busybox@sha256:00"));
    EXPECT_TRUE(split_tag_name("busybox:1"));
    EXPECT_FALSE(split_tag_name("busybox@sha256:00"));
    EXPECT_FALSE(split_tag_name("busybox:1@sha256:00"));
}

TEST(name, is_shown_without_the_default_registry) {
    EXPECT_EQ(familiar_name("docker.io/library/busybox:1"), "busybox:1");
    EXPECT_EQ(familiar_name("docker.io/a/b:1"), "a/b:1");
    EXPECT_EQ(familiar_name("ghcr.io/a/b:1"), "ghcr.io/a/b:1");
}
