#include "oci/upstream/credentials.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "oci/upstream/errc.hpp"

using namespace dm;
using namespace dm::upstream;
using namespace std::chrono_literals;

namespace {

const credential user_pass{credential::kind::password, "user", "pa:ss"};

void write(const std::filesystem::path& name, const std::string& text) {
    std::filesystem::create_directories(name.parent_path());
    std::ofstream(name) << text;
}

/// An environment of its own: PATH with a folder for helpers, HOME, and nothing of Docker's.
class credentials : public ::testing::Test {
  protected:
    credentials() {
        for (const char* name :
             {"DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"})
            ::unsetenv(name);
        ::setenv("HOME", dir.path().c_str(), 1);
        ::setenv("PATH", ((dir / "bin").string() + ":/usr/bin:/bin").c_str(), 1);
    }

    void helper(const std::string& name, const std::string& script) {
        const auto file = dir / ("bin/docker-credential-" + name);
        write(file, "#!/bin/sh\n" + script + "\n");
        ::chmod(file.c_str(), 0755);
    }

    static credential find(const std::string& domain, const std::string& path = "a/b",
                           const std::string& file = "") {
        credential out;
        aio::run_coroutine([&](const executor&) { return find_into(&out, domain, path, file); });
        return out;
    }
    static awaitable<void> find_into(credential* out, std::string domain, std::string path,
                                     std::string file) {
        aio::pool workers(1);
        credential_store store(workers, {.file = std::move(file), .helper_limit = 20s});
        *out = co_await store.find(std::move(domain), std::move(path));
    }

    temp_dir dir;
};

}  // namespace

TEST_F(credentials, are_found_under_all_spellings_of_a_host) {
    EXPECT_EQ(domain_of_key("https://index.docker.io/v1/"), "docker.io");
    EXPECT_EQ(domain_of_key("index.docker.io"), "docker.io");
    EXPECT_EQ(domain_of_key("registry-1.docker.io"), "docker.io");
    EXPECT_EQ(domain_of_key("http://r.example:5000/v2/"), "r.example:5000");
    EXPECT_EQ(domain_of_key("https://r.example/some/path"), "r.example");
    EXPECT_EQ(domain_of_key("r.example/v1/"), "r.example");
    EXPECT_EQ(domain_of_key("r.example/ns/repo"), "r.example/ns/repo");
}

TEST_F(credentials, are_read_from_all_forms_of_an_entry) {
    const auto file = parse_credential_file(R"({"auths":{
        "https://index.docker.io/v1/":{"auth":"dXNlcjpwYTpzcw=="},
        "unpadded.example":{"auth":"dXNlcjpwYTpzcw"},
        "nul.example":{"auth":"dXNlcjpwYTpzcwAA"},
        "plain.example":{"username":"user","password":"pa:ss"},
        "identity.example":{"auth":"dXNlcjo=","identitytoken":"refresh"},
        "bearer.example":{"registrytoken":"ready"},
        "empty.example":{}},
        "credsStore":"desktop","credHelpers":{"ecr.example":"ecr-login","x":5}})");
    ASSERT_TRUE(file);
    for (const char* host : {"docker.io", "unpadded.example", "nul.example", "plain.example"}) {
        ASSERT_NE(file->find(host, ""), nullptr) << host;
        EXPECT_EQ(*file->find(host, ""), user_pass) << host;
    }
    EXPECT_EQ(file->find("identity.example", "")->type, credential::kind::identity_token);
    EXPECT_EQ(file->find("identity.example", "")->secret, "refresh");
    EXPECT_EQ(file->find("bearer.example", "")->type, credential::kind::bearer_token);
    EXPECT_EQ(file->find("empty.example", "")->type, credential::kind::none);
    EXPECT_EQ(file->find("absent.example", ""), nullptr);
    EXPECT_EQ(file->helper_for("ecr.example"), "ecr-login");
    EXPECT_EQ(file->helper_for("other.example"), "desktop");
}

TEST_F(credentials, of_a_namespace_win_over_those_of_the_host) {
    const auto file = parse_credential_file(
        R"({"auths":{"r.example":{"username":"host"},"r.example/team":{"username":"team"},
            "r.example/team/app":{"username":"app"}}})");
    EXPECT_EQ(file->find("r.example", "team/app")->user, "app");
    EXPECT_EQ(file->find("r.example", "team/application")->user, "team");
    EXPECT_EQ(file->find("r.example", "teams/x")->user, "host");
}

TEST_F(credentials, that_are_broken_are_a_problem_of_their_host_only) {
    const auto file = parse_credential_file(
        R"({"auths":{"a":{"auth":"%%%"},"b":{"auth":"bm9jb2xvbg=="},"c":{"auth":"OnB3"},
            "d":{"username":"user","password":"pa:ss"}}})");
    ASSERT_TRUE(file);
    for (const char* host : {"a", "b", "c"}) {
        EXPECT_EQ(file->find(host, "")->type, credential::kind::none);
        EXPECT_TRUE(file->find(host, "")->problem.contains(host));
    }
    EXPECT_EQ(*file->find("d", ""), user_pass);
    for (const char* bad : {"", "[]", "{", "5"})
        EXPECT_EQ(parse_credential_file(bad).error().code, errc::bad_credentials) << bad;
    EXPECT_FALSE(parse_credential_file(std::string(credential_file_bytes_max + 1, ' ')));
}

TEST_F(credentials, come_from_the_home_folder_or_the_given_file) {
    EXPECT_EQ(find("r.example"), credential{});
    write(dir / ".docker/config.json", R"({"auths":{"r.example":{"username":"docker"}}})");
    write(dir / ".config/containers/auth.json",
          R"({"auths":{"r.example":{"username":"podman"},"p.example":{"username":"podman"}}})");
    write(dir / "own.json", R"({"auths":{"r.example":{"username":"own"}}})");
    EXPECT_EQ(find("r.example").user, "docker");
    EXPECT_EQ(find("p.example").user, "podman");
    EXPECT_EQ(find("r.example", "x", (dir / "own.json").string()).user, "own");
    EXPECT_EQ(find("p.example", "x", (dir / "own.json").string()), credential{});
    ::setenv("DOCKER_AUTH_CONFIG", R"({"auths":{"r.example":{"username":"environment"}}})", 1);
    EXPECT_EQ(find("r.example").user, "environment");
}

TEST_F(credentials, say_why_they_could_not_be_used) {
    EXPECT_TRUE(
        find("r.example", "x", (dir / "absent.json").string()).problem.contains("absent.json"));
    write(dir / ".docker/config.json", "no json");
    EXPECT_TRUE(find("r.example").problem.contains(".docker/config.json"));
    write(dir / ".docker/config.json", R"({"credsStore":"desktop"})");
    EXPECT_TRUE(find("r.example").problem.contains("docker-credential-desktop"));
}

TEST_F(credentials, are_asked_of_a_helper_that_beats_the_file) {
    helper("one",
           "read server; [ \"$1\" = get ] || exit 1\n"
           "echo "
           "\"{\\\"ServerURL\\\":\\\"$server\\\",\\\"Username\\\":\\\"$server\\\",\\\"Secret\\\":"
           "\\\"s\\\"}\"");
    write(dir / ".docker/config.json",
          R"({"credsStore":"one","auths":{"r.example":{"username":"file"}}})");
    EXPECT_EQ(find("r.example").user, "r.example");
    EXPECT_EQ(find("docker.io").user, "https://index.docker.io/v1/");
}

TEST_F(credentials, of_the_file_count_where_the_helper_has_none) {
    helper("empty", "echo 'credentials not found in native keychain'; exit 1");
    write(dir / ".docker/config.json",
          R"({"credsStore":"empty","auths":{"r.example":{"username":"file"}}})");
    EXPECT_EQ(find("r.example").user, "file");
    EXPECT_EQ(find("other.example"), credential{});
}

TEST_F(credentials, helper_may_hold_an_identity_token) {
    helper("id", "echo '{\"Username\":\"<token>\",\"Secret\":\"refresh\"}'");
    const auto got = ask_credential_helper("id", "r.example", 5s);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->type, credential::kind::identity_token);
    EXPECT_EQ(got->secret, "refresh");
}

TEST_F(credentials, helper_that_fails_hangs_or_floods_is_a_problem) {
    helper("fails", "echo secret-of-somebody; exit 3");
    helper("hangs", "exec sleep 60");
    helper("closes", "exec >&-; exec sleep 60");
    helper("floods", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done");
    helper("babbles", "echo '{\"Username\":5}'");
    const auto begin = std::chrono::steady_clock::now();
    for (const char* name :
         {"fails", "hangs", "closes", "floods", "babbles", "absent", "../x", ""}) {
        const auto got = ask_credential_helper(name, "r.example", 200ms);
        ASSERT_FALSE(got) << name;
        EXPECT_EQ(got.error().code, errc::bad_credentials) << name;
        EXPECT_FALSE(got.error().message().contains("secret-of-somebody"));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}
