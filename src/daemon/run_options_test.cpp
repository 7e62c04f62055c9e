#include "daemon/run_options.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>

#include "base/temp_dir.hpp"
#include "daemon/errc.hpp"

using namespace dm;
using namespace dm::daemon;

namespace {

/// Sets environment variables for one test.
class variables {
  public:
    explicit variables(std::vector<std::pair<std::string, std::string>> all)
        : all_(std::move(all)) {
        for (const auto& [name, value] : all_)
            ::setenv(name.c_str(), value.c_str(), 1);
    }
    variables(const variables&) = delete;
    ~variables() {
        for (const auto& [name, value] : all_)
            ::unsetenv(name.c_str());
    }

  private:
    std::vector<std::pair<std::string, std::string>> all_;
};

struct parsed {
    raw_config raw;
    result<config> understood;
};

parsed parse(std::vector<std::string> words) {
    CLI::App app;
    auto& command = *app.add_subcommand("run");
    run_options options;
    add_run_options(command, options);
    std::ranges::reverse(words);
    words.emplace_back("run");
    app.parse(std::move(words));
    auto understood = config_of(command, options);
    return {options.raw, std::move(understood)};
}

std::string write(const temp_dir& folder, std::string_view text) {
    const auto file = (folder / "node.toml").string();
    std::ofstream(file) << text;
    return file;
}

/// Every option, with a value that is not its default.
raw_config everything() {
    raw_config out;
    out.data_dir = "/srv/node";
    out.api = {"127.0.0.1:1", "[::1]:1"};
    out.registry = {"127.0.0.1:2"};
    out.p2p = {"/ip4/127.0.0.1/tcp/3"};
    out.bootstrap = {
        "/ip4/192.0.2.1/tcp/4/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"};
    out.open_mesh = true;
    out.no_mdns = true;
    out.open_operators = true;
    out.engine = "none";
    out.docker_host = "unix:///run/docker.sock";
    out.labels = {"site=store", "row=3"};
    out.upstreams = {"docker.io=http://127.0.0.1:5000", "ghcr.io=https://mirror.example"};
    out.upstream_ca = "/etc/ca.pem";
    out.registry_auth_file = "/etc/auth.json";
    out.store_limit = "20GiB";
    out.offline_grace = "90s";
    out.log_level = "debug";
    out.log_format = "json";
    return out;
}

}  // namespace

TEST(run_options, mean_the_same_as_flags_variables_and_lines_of_a_file) {
    const auto by_flags =
        parse({"--data-dir",
               "/srv/node",
               "--api",
               "127.0.0.1:1",
               "--api",
               "[::1]:1",
               "--registry",
               "127.0.0.1:2",
               "--p2p",
               "/ip4/127.0.0.1/tcp/3",
               "--bootstrap",
               "/ip4/192.0.2.1/tcp/4/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
               "--open-mesh",
               "--no-mdns",
               "--open-operators",
               "--engine",
               "none",
               "--docker-host",
               "unix:///run/docker.sock",
               "--label",
               "site=store",
               "--label",
               "row=3",
               "--upstream",
               "docker.io=http://127.0.0.1:5000",
               "--upstream",
               "ghcr.io=https://mirror.example",
               "--upstream-ca",
               "/etc/ca.pem",
               "--registry-auth-file",
               "/etc/auth.json",
               "--store-limit",
               "20GiB",
               "--offline-grace",
               "90s",
               "--log-level",
               "debug",
               "--log-format",
               "json"});
    EXPECT_EQ(by_flags.raw, everything());
    EXPECT_TRUE(by_flags.understood);
    {
        const variables set(
            {{"DISTROMASH_DATA_DIR", "/srv/node"},
             {"DISTROMASH_API_LISTEN", "127.0.0.1:1,[::1]:1"},
             {"DISTROMASH_REGISTRY", "127.0.0.1:2"},
             {"DISTROMASH_P2P", "/ip4/127.0.0.1/tcp/3"},
             {"DISTROMASH_BOOTSTRAP",
              "/ip4/192.0.2.1/tcp/4/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"},
             {"DISTROMASH_OPEN_MESH", "true"},
             {"DISTROMASH_NO_MDNS", "true"},
             {"DISTROMASH_OPEN_OPERATORS", "true"},
             {"DISTROMASH_ENGINE", "none"},
             {"DISTROMASH_DOCKER_HOST", "unix:///run/docker.sock"},
             {"DISTROMASH_LABEL", "site=store,row=3"},
             {"DISTROMASH_UPSTREAM",
              "docker.io=http://127.0.0.1:5000,ghcr.io=https://mirror.example"},
             {"DISTROMASH_UPSTREAM_CA", "/etc/ca.pem"},
             {"DISTROMASH_REGISTRY_AUTH_FILE", "/etc/auth.json"},
             {"DISTROMASH_STORE_LIMIT", "20GiB"},
             {"DISTROMASH_OFFLINE_GRACE", "90s"},
             {"DISTROMASH_LOG_LEVEL", "debug"},
             {"DISTROMASH_LOG_FORMAT", "json"}});
        EXPECT_EQ(parse({}).raw, everything());
    }
    const temp_dir folder;
    const auto file = write(folder, R"(
data-dir = "/srv/node"
api = ["127.0.0.1:1", "[::1]:1"]
registry = "127.0.0.1:2"
p2p = "/ip4/127.0.0.1/tcp/3"
bootstrap = "/ip4/192.0.2.1/tcp/4/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
open-mesh = true
no-mdns = true
open-operators = true
engine = "none"
docker-host = "unix:///run/docker.sock"
label = ["site=store", "row=3"]
upstream = ["docker.io=http://127.0.0.1:5000", "ghcr.io=https://mirror.example"]
upstream-ca = "/etc/ca.pem"
registry-auth-file = "/etc/auth.json"
store-limit = "20GiB"
offline-grace = "90s"
log-level = "debug"
log-format = "json"
)");
    EXPECT_EQ(parse({"--config", file}).raw, everything());
    const variables named({{"DISTROMASH_CONFIG", file}});
    EXPECT_EQ(parse({}).raw, everything());
}

TEST(run_options, flags_win_over_variables_and_variables_over_the_file) {
    const temp_dir folder;
    const auto file = write(folder,
                            "log-level = \"error\"\nengine = \"none\"\nlabel = [\"a=file\"]\n"
                            "data-dir = \"/file\"\n");
    const variables set({{"DISTROMASH_LOG_LEVEL", "warn"},
                         {"DISTROMASH_DATA_DIR", "/variable"},
                         {"DISTROMASH_LABEL", "a=variable"}});
    const auto got = parse({"--config", file, "--log-level", "debug"}).raw;
    EXPECT_EQ(got.log_level, "debug");
    EXPECT_EQ(got.data_dir, "/variable");
    EXPECT_EQ(got.labels, std::vector<std::string>{"a=variable"}) << "lists replace, not add";
    EXPECT_EQ(got.engine, "none");
}

TEST(run_options, have_a_file_whose_mistakes_are_told) {
    const temp_dir folder;
    for (const auto* text : {"no-such-option = 1\n", "[other]\nengine = \"none\"\n",
                             "config = \"again.toml\"\n", "help = true\n"}) {
        const auto file = write(folder, text);
        try {
            parse({"--config", file});
            ADD_FAILURE() << text;
        } catch (const CLI::ParseError& e) {
            EXPECT_NE(std::string(e.what()).find(file), std::string::npos) << e.what();
            EXPECT_NE(e.get_exit_code(), 0);
        }
    }
    EXPECT_THROW(parse({"--config", (folder / "absent.toml").string()}), CLI::ParseError);
    EXPECT_EQ(parse({"--config", write(folder, "[run]\nengine = \"none\"\n")}).raw.engine, "none");
}

TEST(run_options, refuse_values_with_a_sentence_that_names_the_option) {
    const std::vector<std::string> wrong[] = {
        {"--data-dir", ""},
        {"--api", "127.0.0.1"},
        {"--api", ":3000"},
        {"--api", "example.org:1"},
        {"--registry", "127.0.0.1:99999"},
        {"--p2p", "127.0.0.1:33123"},
        {"--bootstrap", "/ip4/192.0.2.1/tcp/4"},
        {"--engine", "podman"},
        {"--label", "nothing"},
        {"--label", "a b=c"},
        {"--upstream", "docker.io"},
        {"--upstream", "docker.io=ftp://x"},
        {"--store-limit", "much"},
        {"--store-limit", "0"},
        {"--store-limit", "-1"},
        {"--offline-grace", "15"},
        {"--offline-grace", "0s"},
        {"--offline-grace", "-1m"},
        {"--offline-grace", "m"},
        {"--offline-grace", "9000h"},
        {"--offline-grace", "99999999999999999999s"},
        {"--log-level", "loud"},
        {"--log-format", "xml"},
    };
    for (const auto& words : wrong) {
        const auto got = parse(words).understood;
        ASSERT_FALSE(got) << words[0] << " " << words[1];
        EXPECT_EQ(got.error().code, daemon::errc::bad_option);
        EXPECT_TRUE(got.error().message().starts_with(words[0])) << got.error().message();
    }
    std::vector<std::string> many;
    for (std::size_t i = 0; i <= plan::labels_max; ++i)
        many.insert(many.end(), {"--label", "k" + std::to_string(i) + "=v"});
    EXPECT_FALSE(parse(many).understood);
    many.resize(2 * plan::labels_max);
    EXPECT_TRUE(parse(many).understood);
}

TEST(run_options, listen_on_loopback_unless_told_otherwise) {
    const auto plain = parse({}).understood.value();
    EXPECT_TRUE(plain.api.by_default);
    EXPECT_EQ(plain.api.at.size(), 2u);
    for (const auto& e : plain.api.at)
        EXPECT_TRUE(e.address().is_loopback());
    EXPECT_EQ(plain.api.at[0].port(), api_port);
    EXPECT_EQ(plain.registry.at[0].port(), registry_port);
    EXPECT_EQ(plain.data_dir, "data");
    EXPECT_EQ(plain.store_limit_bytes, 0u);
    EXPECT_EQ(plain.offline_grace, std::chrono::minutes(15));
    EXPECT_EQ(parse({"--offline-grace", "2h"}).understood->offline_grace, std::chrono::hours(2));
    for (const auto* option : {"--api", "--registry"})
        for (const auto* open : {"0.0.0.0:1", "192.0.2.1:1", "[::]:1"}) {
            const auto got = parse({option, open}).understood;
            ASSERT_FALSE(got) << open;
            EXPECT_EQ(got.error().code, daemon::errc::not_loopback);
        }
}

TEST(run_options, take_docker_where_docker_takes_it_from) {
    ::unsetenv("DOCKER_HOST");
    EXPECT_EQ(parse({}).understood->docker_host, "unix:///var/run/docker.sock");
    const variables set({{"DOCKER_HOST", "unix:///run/user/1000/docker.sock"}});
    EXPECT_EQ(parse({}).understood->docker_host, "unix:///run/user/1000/docker.sock");
    EXPECT_EQ(parse({"--docker-host", "unix:///x"}).understood->docker_host, "unix:///x");
}
