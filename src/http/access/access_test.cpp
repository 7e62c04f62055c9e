#include <crypt.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "crypto/base64.hpp"
#include "http/access/guard.hpp"
#include "http/server/http_server.hpp"
#include "http/server/test_client.hpp"

using namespace dm;
using namespace dm::access;

namespace {

/// "secret", hashed as cheaply as bcrypt allows.
const std::string& secret_hash() {
    static const std::string hash = [] {
        crypt_data data{};
        return std::string(::crypt_r("secret", "$2b$04$abcdefghijklmnopqrstuu", &data));
    }();
    return hash;
}

std::string basic(std::string_view name, std::string_view password) {
    return "Basic " + crypto::base64_encode(as_bytes(fmt::format("{}:{}", name, password)));
}

struct world {
    explicit world(executor ex, guard_options o = {})
        : keeper(workers, *password_list::parse("alice:" + secret_hash() + "\n"),
                 *token_list::parse("ci 0123456789abcdef0123\n"), o),
          server(ex, workers,
                 [this](server::request& req, server::response_writer& out) -> awaitable<void> {
                     auto name = co_await keeper.identify(req);
                     co_await out.send(200, {}, name.empty() ? "nobody" : name);
                 }) {}

    awaitable<server::reply> ask(std::string authorization) {
        server::header_list headers;
        if (!authorization.empty())
            headers.add("Authorization", std::move(authorization));
        return server::fetch(server, "GET", "/", std::move(headers));
    }

    aio::pool workers{1};
    guard keeper;
    server::http_server server;
};

template <class Check>
void with_world(Check check, guard_options o = {}) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        world w(ex, o);
        co_await check(w);
        co_await w.server.stop();
    });
}

}  // namespace

TEST(guard, knows_callers_by_password_and_token) {
    with_world([](world& w) -> awaitable<void> {
        EXPECT_EQ((co_await w.ask("")).body, "nobody");
        EXPECT_EQ((co_await w.ask(basic("alice", "secret"))).body, "alice");
        EXPECT_EQ((co_await w.ask(basic("alice", "secret"))).body, "alice");
        EXPECT_EQ((co_await w.ask("bearer 0123456789abcdef0123")).body, "ci");
        EXPECT_EQ((co_await w.ask(basic("anybody", "0123456789abcdef0123"))).body, "ci");
    });
}

TEST(guard, refuses_wrong_credentials_with_a_challenge) {
    with_world([](world& w) -> awaitable<void> {
        for (const auto& wrong :
             {basic("alice", "Secret"), basic("bob", "secret"), basic("alice", ""),
              std::string("Bearer 0123456789abcdef0124"), std::string("Bearer "),
              std::string("Basic !!!"), std::string("Basic"), std::string("Digest x")}) {
            const auto r = co_await w.ask(wrong);
            EXPECT_EQ(r.status, 401) << wrong;
            EXPECT_EQ(r.headers.value("WWW-Authenticate"), "Basic realm=\"distromash\"");
        }
    });
}

TEST(guard, makes_an_address_wait_after_too_many_failures) {
    with_world([](world& w) -> awaitable<void> {
        for (std::size_t i = 0; i < failures_max; ++i)
            EXPECT_EQ((co_await w.ask("Bearer wrong")).status, 401);
        const auto r = co_await w.ask(basic("alice", "secret"));
        EXPECT_EQ(r.status, 429);
        EXPECT_FALSE(r.headers.value("Retry-After").empty());
        EXPECT_EQ((co_await w.ask("")).status, 200);
    });
    with_world(
        [](world& w) -> awaitable<void> {
            for (std::size_t i = 0; i < 3 * failures_max; ++i)
                EXPECT_EQ((co_await w.ask("Bearer wrong")).status, 401);
        },
        {.failure_window = std::chrono::seconds(0)});
}

TEST(password_list, takes_only_strong_hashes) {
    EXPECT_TRUE(password_list::parse("# people\n\nalice:" + secret_hash() + "\r\n"));
    for (const char* bad : {"alice", ":x", "alice:secret", "alice:$apr1$a$b", "alice:{SHA}x",
                            "alice:$2y$05$x\nalice:$2y$05$y"})
        EXPECT_FALSE(password_list::parse(bad)) << bad;
    EXPECT_FALSE(password_list::parse(std::string(access_line_bytes_max + 1, 'a')));
    EXPECT_FALSE(password_list::parse(std::string(access_lines_max + 1, '\n')));
    EXPECT_FALSE(password_list().matches("alice", "secret"));
}

TEST(token_list, takes_only_tokens_that_cannot_be_guessed) {
    EXPECT_FALSE(token_list::parse("ci short"));
    EXPECT_FALSE(token_list::parse("ci"));
    const auto tokens = *token_list::parse("ci 0123456789abcdef\nme fedcba9876543210\n");
    EXPECT_EQ(tokens.owner_of("fedcba9876543210"), "me");
    EXPECT_FALSE(tokens.owner_of("fedcba987654321"));
    EXPECT_FALSE(tokens.owner_of(""));
}

TEST(rule_list, gives_roles_by_repository) {
    const auto rules = *rule_list::parse(
        "alice team/* read,push\nci * read,push,delete\nroot * admin\n* library/* read\n"
        "* team/open read\n");
    EXPECT_TRUE(rules.allows("alice", "team/app", role::push));
    EXPECT_FALSE(rules.allows("alice", "team/app", role::remove));
    EXPECT_FALSE(rules.allows("alice", "team", role::push));
    EXPECT_FALSE(rules.allows("alice", "teams/app", role::push));
    EXPECT_TRUE(rules.allows("ci", "any/thing", role::remove));
    EXPECT_FALSE(rules.allows("ci", "", role::admin));
    EXPECT_TRUE(rules.allows("root", "", role::admin));
    EXPECT_TRUE(rules.allows("", "library/busybox", role::read));
    EXPECT_TRUE(rules.allows("", "team/open", role::read));
    EXPECT_FALSE(rules.allows("", "team/app", role::read));
    for (const char* bad : {"alice", "alice *", "alice * fly", "alice *x read", "alice * read,"})
        EXPECT_EQ(rule_list::parse(bad).has_value(), std::string_view(bad).ends_with(",")) << bad;
    EXPECT_TRUE(rule_list().allows("alice", "x", role::remove));
    EXPECT_FALSE(rule_list().allows("", "x", role::read));
    EXPECT_FALSE(rule_list().allows("alice", "", role::admin));
}
