#include "oci/reference.hpp"

#include <gtest/gtest.h>

#include "crypto/errc.hpp"
#include "oci/errc.hpp"
#include "oci/quote.hpp"

using namespace dm;
using namespace dm::oci;

namespace {

const std::string hex64(64, 'a');
const std::string digest = "sha256:" + hex64;

std::string why(std::string_view text) {
    const auto r = parse_reference(text);
    return r ? "accepted as " + r->canonical() : r.error().message();
}

}  // namespace

TEST(reference, fills_in_what_docker_fills_in) {
    const std::pair<std::string, std::string> cases[] = {
        {"busybox", "docker.io/library/busybox:latest"},
        {"busybox:1.35.0", "docker.io/library/busybox:1.35.0"},
        {"library/busybox:1", "docker.io/library/busybox:1"},
        {"docker.io/busybox", "docker.io/library/busybox:latest"},
        {"index.docker.io/busybox", "docker.io/library/busybox:latest"},
        {"Docker.IO/library/busybox", "docker.io/library/busybox:latest"},
        {"grafana/grafana:9", "docker.io/grafana/grafana:9"},
        {"ghcr.io/a/b:1", "ghcr.io/a/b:1"},
        {"localhost/x", "localhost/x:latest"},
        {"localhost:5000/x", "localhost:5000/x:latest"},
        {"host:5000/x:y", "host:5000/x:y"},
        {"[::1]:5000/x", "[::1]:5000/x:latest"},
        {"localhost:5000", "docker.io/library/localhost:5000"},
        {"a__b/c---d/e.f_g", "docker.io/a__b/c---d/e.f_g:latest"},
        {"busybox@" + digest, "docker.io/library/busybox@" + digest},
        {"busybox:1@" + digest, "docker.io/library/busybox:1@" + digest},
        {"h.example/manifests/blobs:tags", "h.example/manifests/blobs:tags"},
    };
    for (const auto& [text, canonical] : cases) {
        const auto r = parse_reference(text);
        ASSERT_TRUE(r) << text << ": " << r.error().message();
        EXPECT_EQ(r->canonical(), canonical);
        EXPECT_EQ(*parse_reference(r->canonical()), *r) << text;
        EXPECT_EQ(*parse_reference(r->familiar()), *r) << text;
    }
}

TEST(reference, is_shown_as_people_write_it) {
    EXPECT_EQ(parse_reference("docker.io/library/busybox:1.35.0")->familiar(), "busybox:1.35.0");
    EXPECT_EQ(parse_reference("docker.io/a/b")->familiar(), "a/b:latest");
    EXPECT_EQ(parse_reference("docker.io/library/a/b")->familiar(), "library/a/b:latest");
    EXPECT_EQ(parse_reference("docker.io/localhost/b")->familiar(), "docker.io/localhost/b:latest");
    EXPECT_EQ(parse_reference("localhost:5000/x:1")->familiar(), "localhost:5000/x:1");
}

TEST(reference, asks_registries_by_digest_where_it_has_one) {
    EXPECT_EQ(parse_reference("busybox:1")->manifest_selector(), "1");
    EXPECT_EQ(parse_reference("busybox:1@" + digest)->manifest_selector(), digest);
}

TEST(reference, has_a_name_that_an_engine_can_tag) {
    EXPECT_EQ(parse_reference("docker.io/library/busybox:1@" + digest)->engine_name(), "busybox:1");
    EXPECT_EQ(parse_reference("ghcr.io/a/b@" + digest)->engine_name(),
              "ghcr.io/a/b:sha256-aaaaaaaaaaaa");
}

TEST(reference, is_refused_in_one_sentence_that_says_why) {
    EXPECT_EQ(why(""), "the image name is empty");
    EXPECT_EQ(why("busy box"),
              "\"busy box\" is not an image name: it contains a space or a special character");
    EXPECT_EQ(why(" busybox"),
              "\" busybox\" is not an image name: it contains a space or a special character");
    EXPECT_EQ(why("b\xc3\xbcsybox"),
              "\"b??sybox\" is not an image name: it contains a space or a special character");
    EXPECT_EQ(why(std::string(300, 'a')), "the image name is 318 characters long, 255 are allowed");
    EXPECT_EQ(why("../../etc"),
              "\"../../etc\" is not an image name: \"..\" is not a registry host");
    EXPECT_EQ(why("a/../etc"),
              "\"a/../etc\" is not an image name: \"a/../etc\" is not a repository path");
    EXPECT_EQ(why("Busybox"), "\"Busybox\" is not an image name: repository names are lower case");
    EXPECT_EQ(why("Org/busybox"),
              "\"Org/busybox\" is not an image name: repository names are lower case");
    EXPECT_EQ(
        why("https://ghcr.io/a"),
        "\"https://ghcr.io/a\" is not an image name: it starts with a scheme, leave that out");
    EXPECT_EQ(why("busybox:"), "\"busybox:\" is not an image name: \"\" is not a tag");
    EXPECT_EQ(why("busybox:-x"), "\"busybox:-x\" is not an image name: \"-x\" is not a tag");
    EXPECT_EQ(why("host:99999/x"),
              "\"host:99999/x\" is not an image name: \"host:99999\" is not a registry host");
    EXPECT_EQ(why("ghcr.io/"), "\"ghcr.io/\" is not an image name: the repository is missing");
    EXPECT_EQ(why(hex64), "\"" + hex64 + "\" is not an image name: 64 hex digits are an image id");
    EXPECT_EQ(why("x@sha256:abc"),
              "\"x@sha256:abc\" is not an image name: not a digest (expected sha256: and 64 "
              "lower-case hex digits)");
}

TEST(reference, refuses_what_the_grammar_excludes) {
    for (const char* text :
         {"/x",   "x/",      "a//b",   "-a",         "a-",        "a..b",         "a___b",
          ".a",   "a._b",    "a/_b",   "ghcr.io//x", "x:a:b",     "x@",           "@sha256:abc",
          ":tag", "x:a/b c", "[::1/x", "a\nb",       "x:tag@md5", "localhost:/x", "a.b:0/x"})
        EXPECT_FALSE(parse_reference(text)) << text;
    EXPECT_EQ(parse_reference("x@blake3:" + hex64).error().code,
              make_error_code(crypto::errc::unsupported_algorithm));
    EXPECT_EQ(parse_reference("x:y@sha256:zz").error().code,
              make_error_code(crypto::errc::malformed_digest));
    EXPECT_EQ(condition_of(parse_reference("X").error().code), condition::invalid);
}

TEST(reference, stops_at_its_limits) {
    const std::string host = "h.example/";
    const auto longest = host + std::string(repository_text_max - host.size(), 'a');
    const auto tag = std::string(tag_text_max, 't');
    const auto sha512 = "sha512:" + std::string(128, 'a');
    const auto all = longest + ":" + tag + "@" + sha512;
    EXPECT_EQ(all.size(), reference_text_max);
    EXPECT_TRUE(parse_reference(all));
    EXPECT_FALSE(parse_reference(longest + "a"));
    EXPECT_FALSE(parse_reference("x:" + tag + "t"));
    EXPECT_EQ(why(std::string(reference_text_max + 1, 'a')),
              "the image name is 521 characters long, 520 are allowed");
}

TEST(quote, keeps_strangers_text_short_and_printable) {
    EXPECT_EQ(quote("a\x1b[31m\"\x7f"), "\"a?[31m??\"");
    EXPECT_EQ(quote(std::string(quoted_text_max, 'x')).size(), quoted_text_max + 2);
    EXPECT_TRUE(quote(std::string(quoted_text_max + 1, 'x')).ends_with("x…\""));
}

TEST(reference, of_a_pushed_image_has_the_fleet_as_its_host) {
    const auto pushed = *parse_reference("mesh/team/app:1");
    EXPECT_EQ(pushed.domain, fleet_domain);
    EXPECT_EQ(pushed.path, "team/app");
    EXPECT_EQ(pushed.familiar(), "mesh/team/app:1");
    const auto of_hub = *parse_reference("docker.io/mesh/app:1");
    EXPECT_EQ(of_hub.domain, docker_hub);
    EXPECT_EQ(of_hub.familiar(), "docker.io/mesh/app:1");
    EXPECT_EQ(*parse_reference(of_hub.familiar()), of_hub);
    EXPECT_EQ(parse_reference("mesh:1")->repository(), "docker.io/library/mesh");
}
