#include "oci/upstream/endpoint.hpp"

#include <gtest/gtest.h>

#include "oci/upstream/errc.hpp"

using namespace dm;
using namespace dm::upstream;

namespace {

mapping mapped(std::initializer_list<const char*> texts) {
    mapping out;
    for (const char* text : texts)
        out.insert(*parse_mapping(text));
    return out;
}

bool may_send(const char* domain, const char* realm, const std::vector<std::string>& trusted = {}) {
    return may_send_credentials(*endpoint_of(domain, {}), *syntax::parse_url(realm), trusted);
}

}  // namespace

TEST(endpoint, of_docker_hub_is_its_api_host) {
    const auto hub = endpoint_of("docker.io", {});
    ASSERT_TRUE(hub);
    EXPECT_EQ(hub->host_text(), "registry-1.docker.io");
    EXPECT_EQ(hub->url("library/busybox", "manifests/1"),
              "https://registry-1.docker.io/v2/library/busybox/manifests/1");
    EXPECT_FALSE(hub->mapped);
}

TEST(endpoint, is_plain_for_loopback_only) {
    for (const char* domain : {"localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"})
        EXPECT_TRUE(endpoint_of(domain, {})->is_plain()) << domain;
    for (const char* domain : {"ghcr.io", "10.0.0.1:5000", "localhost.example.org:80"})
        EXPECT_FALSE(endpoint_of(domain, {})->is_plain()) << domain;
    EXPECT_EQ(endpoint_of("127.0.0.1:5000", {})->url("x", "blobs/y"),
              "http://127.0.0.1:5000/v2/x/blobs/y");
    EXPECT_EQ(endpoint_of("ghcr.io:8443", {})->host_text(), "ghcr.io:8443");
}

TEST(endpoint, follows_a_mapping_with_its_path) {
    const auto upstreams =
        mapped({"docker.io=http://10.0.0.1:5000", "ghcr.io=https://cache.example/ghcr/",
                "localhost:5000=https://localhost:5000"});
    EXPECT_EQ(endpoint_of("docker.io", upstreams)->url("library/x", "manifests/1"),
              "http://10.0.0.1:5000/v2/library/x/manifests/1");
    EXPECT_EQ(endpoint_of("ghcr.io", upstreams)->url("a/b", "manifests/1"),
              "https://cache.example/ghcr/v2/a/b/manifests/1");
    EXPECT_FALSE(endpoint_of("localhost:5000", upstreams)->is_plain());
    EXPECT_TRUE(endpoint_of("docker.io", upstreams)->mapped);
}

TEST(endpoint, refuses_what_is_no_mapping) {
    for (const char* bad : {"", "docker.io", "=http://x", "docker.io=", "docker.io=ftp://x",
                            "a/b=http://x", "docker.io=http://x?y", "docker.io=http://u:p@x"}) {
        const auto got = parse_mapping(bad);
        ASSERT_FALSE(got) << bad;
        EXPECT_EQ(got.error().code, errc::bad_mapping) << bad;
    }
}

TEST(endpoint, sends_credentials_to_the_same_organisation_only) {
    EXPECT_TRUE(may_send("docker.io", "https://auth.docker.io/token"));
    EXPECT_TRUE(may_send("registry.gitlab.com", "https://gitlab.com/jwt/auth"));
    EXPECT_TRUE(may_send("quay.io", "https://quay.io/v2/auth"));
    EXPECT_TRUE(may_send("quay.io", "https://auth.example/t", {"auth.example"}));
    EXPECT_TRUE(may_send("127.0.0.1:5000", "http://127.0.0.1:5001/token"));
    EXPECT_TRUE(may_send("10.0.0.1", "https://10.0.0.1/token"));

    EXPECT_FALSE(may_send("docker.io", "http://auth.docker.io/token"));
    EXPECT_FALSE(may_send("docker.io", "https://evildocker.io/token"));
    EXPECT_FALSE(may_send("quay.io", "https://evil.io/token"));
    EXPECT_FALSE(may_send("shop.co.uk", "https://evil.co.uk/token"));
    EXPECT_FALSE(may_send("10.0.0.1", "https://10.0.0.2/token"));
    EXPECT_FALSE(may_send("quay.io", "http://auth.example/t", {"auth.example"}));
    EXPECT_FALSE(may_send("127.0.0.1:5000", "http://10.0.0.1/token"));
}

TEST(endpoint, asks_for_tokens_over_https_or_beside_a_plain_registry) {
    const auto hub = *endpoint_of("docker.io", {});
    EXPECT_TRUE(may_ask_for_token(hub, *syntax::parse_url("https://anything.example/")));
    EXPECT_FALSE(may_ask_for_token(hub, *syntax::parse_url("http://127.0.0.1/")));
    const auto lab = *endpoint_of("docker.io", mapped({"docker.io=http://10.0.0.1:5000"}));
    EXPECT_TRUE(may_ask_for_token(lab, *syntax::parse_url("http://10.0.0.1:5001/")));
    EXPECT_FALSE(may_ask_for_token(lab, *syntax::parse_url("http://10.0.0.2/")));
    EXPECT_FALSE(may_ask_for_token(lab, *syntax::parse_url("http://127.0.0.1/")));
}
