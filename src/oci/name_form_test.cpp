#include "oci/name_form.hpp"

#include <gtest/gtest.h>

#include "oci/errc.hpp"
#include "oci/reference.hpp"

using namespace dm;
using namespace dm::oci;

namespace {

std::string form(std::string_view path, std::string_view upstream = "") {
    const auto read = parse_name_form(path, upstream);
    if (!read)
        return "refused";
    if (const auto* root = std::get_if<multiformats::cid>(&*read))
        return "root " + root->to_string();
    return std::get<repository_name>(*read).to_string();
}

}  // namespace

TEST(name_form, is_a_root_by_multihash_or_cid) {
    EXPECT_EQ(form("ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa"),
              "root bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq");
    EXPECT_EQ(form("bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq"),
              "root bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq");
}

TEST(name_form, is_a_name_otherwise) {
    EXPECT_EQ(form("busybox"), "docker.io/library/busybox");
    EXPECT_EQ(form("library/busybox"), "docker.io/library/busybox");
    EXPECT_EQ(form("grafana/grafana"), "docker.io/grafana/grafana");
    EXPECT_EQ(form("ghcr.io/a/b"), "ghcr.io/a/b");
    EXPECT_EQ(form("localhost:5000/x"), "localhost:5000/x");
    EXPECT_EQ(form("127.0.0.1:5000/a/b"), "127.0.0.1:5000/a/b");
    EXPECT_EQ(form("ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavap"),
              "docker.io/library/ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavap");
    EXPECT_EQ(form("a/ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa"),
              "docker.io/a/ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa");
}

TEST(name_form, belongs_to_the_registry_that_a_mirror_client_names) {
    EXPECT_EQ(form("library/busybox", "docker.io"), "docker.io/library/busybox");
    EXPECT_EQ(form("a/b", "myreg:5000"), "myreg:5000/a/b");
    EXPECT_EQ(form("pause", "registry.k8s.io"), "registry.k8s.io/pause");
    EXPECT_EQ(form("bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq", "ghcr.io"),
              "ghcr.io/bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq");
}

TEST(name_form, refuses_what_no_registry_could_hold) {
    for (const char* path : {"", "../../etc", "a//b", "Busybox", "a b", "a:b", "/a", "a/", "a:b/c",
                             ":1/c", "a:5000/", "a:5000/B", "a:5000/b:1/c"})
        EXPECT_EQ(form(path), "refused") << path;
    EXPECT_EQ(form("a", "not a host"), "refused");
    EXPECT_EQ(parse_name_form("a..b").error().code, make_error_code(errc::malformed_reference));
    EXPECT_EQ(form(std::string(repository_text_max + 1, 'a')), "refused");
}
