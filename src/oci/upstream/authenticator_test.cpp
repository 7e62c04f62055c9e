#include "crypto/base64.hpp"
#include "oci/upstream/client_fixture.hpp"

using namespace dm;
using namespace dm::upstream;
using namespace dm::upstream::testing;

namespace {

const std::string manifest_body = "{}";

/// A registry that wants tokens "token-N" of its own token server.
struct token_registry {
    std::string realm = {};  ///< set once the port is known
    std::string extra = {};  ///< for the token answer: ",\"expires_in\":300"
    int issued = 0;
    bool expired = false;  ///< the newest token is refused, too
    std::string scheme = "Bearer";

    std::string challenge() const {
        return fmt::format(
            "{} realm=\"{}\",service=\"reg\",scope=\"repository:from/challenge:pull\"", scheme,
            realm);
    }
    reply operator()(const seen_request& r) {
        if (r.target.starts_with("/token"))
            return answer(200, {}, fmt::format("{{\"token\":\"token-{}\"{}}}", ++issued, extra));
        if (!expired && r.header_or("Authorization", "") == fmt::format("Bearer token-{}", issued))
            return manifest_answer(manifest_body);
        return answer(401, {{"WWW-Authenticate", challenge()}}, "");
    }
};

std::string basic_of(std::string_view both) {
    return "Basic " + crypto::base64_encode(as_bytes(both));
}

std::vector<std::string> authorizations(const scripted_server& s) {
    std::vector<std::string> out;
    out.reserve(s.requests.size());
    for (const auto& r : s.requests)
        out.push_back(r.header_or("Authorization", "-"));
    return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST(upstream_token, is_fetched_anonymously_once_and_kept) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        bench b(ex, std::ref(registry));
        registry.realm = b.server.url("/token");
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ((co_await b.client->manifest(b.image("a/b:1"))).raw, manifest_body);
        EXPECT_EQ(registry.issued, 1);
        EXPECT_EQ(authorizations(b.server),
                  (texts{"-", "-", "Bearer token-1", "Bearer token-1", "Bearer token-1"}));
        EXPECT_EQ(b.server.requests.at(1).target,
                  "/token?service=reg&scope=repository%3Aa%2Fb%3Apull");
        co_await b.stop();
    });
}

TEST(upstream_token, is_shared_by_parallel_requests) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        bench b(ex, std::ref(registry));
        registry.realm = b.server.url("/token");
        aio::task_group group(ex);
        int got = 0;
        for (int i = 0; i < 8; ++i)
            group.spawn("pull", [](bench* all, int* n) -> awaitable<void> {
                co_await all->client->manifest(all->image("a/b:1"));
                ++*n;
            }(&b, &got));
        co_await group.join();
        EXPECT_EQ(got, 8);
        EXPECT_EQ(registry.issued, 1);
        co_await b.stop();
    });
}

TEST(upstream_token, request_that_is_cancelled_is_taken_over_by_who_waits) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        bool first = true;
        bench b(ex, [&](const seen_request& r) {
            if (r.target.starts_with("/token") && std::exchange(first, false))
                return reply{{}, reply::end::hang};
            return registry(r);
        });
        registry.realm = b.server.url("/token");
        aio::task_group cancelled(ex);
        aio::task_group waiting(ex);
        const auto pull = [](bench* all) -> awaitable<void> {
            co_await all->client->manifest(all->image("a/b:1"));
        };
        cancelled.spawn("first", pull(&b));
        co_await b.server.until([&] { return b.count("GET", "/token") > 0; });
        waiting.spawn("second", pull(&b));
        for (int i = 0; i < 20; ++i)  // it joins the queue for that token
            co_await asio::post(ex, use_awaitable);
        co_await cancelled.stop();
        co_await waiting.join();
        EXPECT_EQ(registry.issued, 1);
        co_await b.stop();
    });
}

TEST(upstream_token, is_renewed_when_the_registry_refuses_it) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        bench b(ex, std::ref(registry));
        registry.realm = b.server.url("/token");
        co_await b.client->manifest(b.image("a/b:1"));
        ++registry.issued;  // forgets token-1
        co_await b.client->manifest(b.image("a/b:1"));
        EXPECT_EQ(registry.issued, 3);
        co_await b.stop();
    });
}

TEST(upstream_token, that_is_refused_fresh_ends_it) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        registry.expired = true;
        bench b(ex, std::ref(registry));
        registry.realm = b.server.url("/token");
        const auto why = co_await failure_of(b.client->manifest(b.image("a/nosuch:1")));
        EXPECT_EQ(why.code, errc::unauthorized);
        EXPECT_EQ(condition_of(why.code), condition::unauthorized);
        EXPECT_TRUE(why.message().contains("a/nosuch:1")) << why.message();
        EXPECT_EQ(b.server.requests.size(), 3u);
        co_await b.stop();
    });
}

TEST(upstream_token, takes_the_scope_of_the_registry_when_ours_is_insufficient) {
    run_coroutine([](executor ex) -> awaitable<void> {
        int tokens = 0;
        std::string realm;
        bench b(ex, [&](const seen_request& r) {
            if (r.target.starts_with("/token"))
                return answer(200, {}, fmt::format("{{\"token\":\"t{}\"}}", ++tokens));
            if (r.header_or("Authorization", "") == "Bearer t2")
                return manifest_answer(manifest_body);
            return answer(401,
                          {{"WWW-Authenticate",
                            fmt::format("Bearer realm=\"{}\",scope=\"repository:other:pull "
                                        "repository:a/b:pull\",error=\"insufficient_scope\"",
                                        realm)}},
                          "");
        });
        realm = b.server.url("/token");
        co_await b.client->manifest(b.image("a/b:1"));
        EXPECT_EQ(b.server.requests.at(3).target,
                  "/token?scope=repository%3Aother%3Apull&scope=repository%3Aa%2Fb%3Apull");
        co_await b.stop();
    });
}

TEST(upstream_token, goes_with_our_password_to_the_realm) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        bench b(ex, std::ref(registry));
        registry.realm = b.server.url("/token");
        b.log_in(R"({"username":"user","password":"pa:ss"})");
        co_await b.client->manifest(b.image("a/b:1"));
        EXPECT_EQ(authorizations(b.server), (texts{"-", basic_of("user:pa:ss"), "Bearer token-1"}));
        EXPECT_TRUE(b.server.requests.at(1).target.ends_with("&account=user"));
        co_await b.stop();
    });
}

TEST(upstream_token, is_asked_for_by_post_where_get_does_not_do) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        bench b(ex, [&](const seen_request& r) {
            if (r.target.starts_with("/token") && r.method == "GET")
                return answer(405, {}, "");
            return registry(r);
        });
        registry.realm = b.server.url("/token");
        b.log_in(R"({"username":"user","password":"pw"})");
        co_await b.client->manifest(b.image("a/b:1"));
        EXPECT_TRUE(b.server.requests.at(2).body.starts_with("grant_type=password&username=user"));
        co_await b.stop();
    });
}

TEST(upstream_token, is_refreshed_with_an_identity_token) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        bench b(ex, std::ref(registry));
        registry.realm = b.server.url("/token");
        b.log_in(R"({"identitytoken":"refresh"})");
        co_await b.client->manifest(b.image("a/b:1"));
        EXPECT_EQ(b.server.requests.at(1).method, "POST");
        EXPECT_TRUE(b.server.requests.at(1).body.contains("refresh_token=refresh"));
        EXPECT_EQ(b.server.requests.at(1).header_or("Authorization", "-"), "-");
        co_await b.stop();
    });
}

TEST(upstream_token, may_be_stored_ready) {
    run_coroutine([](executor ex) -> awaitable<void> {
        std::string realm;
        bench b(ex, [&](const seen_request& r) {
            if (r.header_or("Authorization", "") == "Bearer ready")
                return manifest_answer(manifest_body);
            return answer(401, {{"WWW-Authenticate", fmt::format("Bearer realm=\"{}\"", realm)}},
                          "");
        });
        realm = b.server.url("/token");
        b.log_in(R"({"registrytoken":"ready"})");
        co_await b.client->manifest(b.image("a/b:1"));
        EXPECT_EQ(b.count("GET", "/token"), 0u);
        co_await b.stop();
    });
}

TEST(upstream_token, failure_names_the_token_server_and_what_to_do) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        int status = 401;
        bench b(ex, [&](const seen_request& r) {
            if (r.target.starts_with("/token"))
                return answer(status, {},
                              status == 200 ? "no json" : R"({"details":"wrong password"})");
            return registry(r);
        });
        registry.realm = b.server.url("/token");
        const auto anonymous = co_await failure_of(b.client->manifest(b.image("a/b:1")));
        EXPECT_EQ(anonymous.code, errc::unauthorized);
        EXPECT_TRUE(anonymous.message().contains("credentials are needed")) << anonymous.message();
        b.log_in(R"({"username":"user","password":"hidden"})");
        const auto wrong = co_await failure_of(b.client->manifest(b.image("a/b:1")));
        EXPECT_EQ(wrong.code, errc::unauthorized);
        EXPECT_TRUE(wrong.message().contains("refuses the credentials")) << wrong.message();
        EXPECT_TRUE(wrong.message().contains("wrong password")) << wrong.message();
        EXPECT_FALSE(wrong.message().contains("hidden"));
        const auto asked = b.server.requests.size();
        status = 200;
        const auto nonsense = co_await failure_of(b.client->manifest(b.image("a/b:1")));
        EXPECT_EQ(nonsense.code, errc::corrupt) << nonsense.message();
        EXPECT_EQ(b.server.requests.size(), asked + 1);
        co_await b.stop();
    });
}

TEST(upstream_token, server_in_trouble_is_asked_again) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        int troubles = 2;
        bench b(ex, [&](const seen_request& r) {
            if (r.target.starts_with("/token") && troubles-- > 0)
                return answer(503, {}, "");
            return registry(r);
        });
        registry.realm = b.server.url("/token");
        co_await b.client->manifest(b.image("a/b:1"));
        EXPECT_EQ(b.count("GET", "/token"), 3u);
        co_await b.stop();
    });
}

TEST(upstream_token, server_over_plain_http_elsewhere_is_not_used) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        registry.realm = "http://192.0.2.1/token";
        bench b(ex, std::ref(registry));
        const auto why = co_await failure_of(b.client->manifest(b.image("a/b:1")));
        EXPECT_EQ(why.code, errc::denied);
        EXPECT_TRUE(why.message().contains("192.0.2.1")) << why.message();
        EXPECT_EQ(b.server.requests.size(), 1u);
        co_await b.stop();
    });
}

TEST(upstream_token, server_of_strangers_gets_no_credentials) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        registry.realm = "https://tokens.example.org/token";
        bench b(ex, std::ref(registry));
        b.log_in(R"({"username":"user","password":"pw"})");
        const auto why = co_await failure_of(b.client->manifest(b.image("a/b:1")));
        EXPECT_EQ(why.code, errc::denied);
        EXPECT_TRUE(why.message().contains("tokens.example.org")) << why.message();
        co_await b.stop();
    });
}

TEST(upstream_token, never_follows_a_redirect_to_another_host) {
    run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server storage(ex, [](const seen_request&) { return answer(200, {}, "blob"); });
        token_registry registry;
        bench b(ex, [&](const seen_request& r) {
            auto out = registry(r);
            return out.steps[0].bytes.contains(" 200 ") && r.target.contains("/blobs/")
                       ? answer(307, {{"Location", storage.url("/x")}}, "")
                       : out;
        });
        registry.realm = b.server.url("/token");
        struct ignore final : blob_sink {
            bool on_bytes(byte_view) override { return true; }
        } sink;
        const oci::descriptor blob{
            "x", crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes("blob")), 4};
        co_await b.client->blob(b.in("a/b"), blob, 0, sink);
        EXPECT_EQ(authorizations(storage), texts{"-"});
        co_await b.stop();
        co_await storage.stop();
    });
}

TEST(upstream_token, is_not_given_to_a_storage_host_that_challenges) {
    run_coroutine([](executor ex) -> awaitable<void> {
        token_registry registry;
        scripted_server storage(ex, [&](const seen_request&) {
            return answer(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "");
        });
        bench b(ex, [&](const seen_request&) {
            return answer(307, {{"Location", storage.url("/x")}}, "");
        });
        b.log_in(R"({"username":"user","password":"pw"})");
        const auto why = co_await failure_of(b.client->manifest(b.image("a/b:1")));
        EXPECT_EQ(why.code, errc::unauthorized);
        EXPECT_EQ(authorizations(storage), (texts{"-", "-", "-", "-"}));
        EXPECT_EQ(authorizations(b.server), (texts{"-", "-", "-", "-"}));
        co_await b.stop();
        co_await storage.stop();
    });
}

TEST(upstream_basic, is_sent_after_a_challenge_and_then_at_once) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) {
            if (r.header_or("Authorization", "") == basic_of("user:pa:ss"))
                return manifest_answer(manifest_body);
            return answer(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "");
        });
        b.log_in(R"({"auth":"dXNlcjpwYTpzcw=="})");
        co_await b.client->manifest(b.image("a/b:1"));
        co_await b.client->manifest(b.image("a/b:1"));
        const auto sent = basic_of("user:pa:ss");
        EXPECT_EQ(authorizations(b.server), (texts{"-", sent, sent}));
        co_await b.stop();
    });
}

TEST(upstream_basic, with_wrong_or_no_credentials_ends_at_once) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) {
            return answer(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "");
        });
        for (const char* entry : {"{}", R"({"username":"user","password":"hidden"})"}) {
            b.log_in(entry);
            const auto before = b.server.requests.size();
            const auto why = co_await failure_of(b.client->manifest(b.image("a/b:1")));
            EXPECT_EQ(why.code, errc::unauthorized);
            EXPECT_TRUE(why.message().contains("credentials")) << why.message();
            EXPECT_FALSE(why.message().contains("hidden"));
            EXPECT_LE(b.server.requests.size() - before, 2u);
        }
        b.log_in(R"({"auth":"%%"})");
        const auto broken = co_await failure_of(b.client->manifest(b.image("a/b:1")));
        EXPECT_TRUE(broken.message().contains("is no base64")) << broken.message();
        co_await b.stop();
    });
}

TEST(upstream_basic, new_credentials_count_without_a_restart) {
    run_coroutine([](executor ex) -> awaitable<void> {
        std::string right = basic_of("user:old");
        bench b(ex, [&](const seen_request& r) {
            if (r.header_or("Authorization", "") == right)
                return manifest_answer(manifest_body);
            return answer(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "");
        });
        b.log_in(R"({"username":"user","password":"old"})");
        co_await b.client->manifest(b.image("a/b:1"));
        right = basic_of("user:new");
        b.log_in(R"({"username":"user","password":"new"})");
        co_await b.client->manifest(b.image("a/b:1"));
        co_await b.stop();
    });
}

TEST(upstream_mapping, gets_the_credentials_of_its_own_host_only) {
    run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server mirror(ex, [](const seen_request&) {
            return answer(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "");
        });
        auto o = quick();
        o.upstreams.insert(*parse_mapping("docker.io=" + mirror.url("")));
        bench b(
            ex, [](const seen_request&) { return answer(500, {}, ""); }, o,
            R"({"auths":{"https://index.docker.io/v1/":{"username":"hub","password":"pw"}}})");
        const auto why =
            co_await failure_of(b.client->manifest(*oci::parse_reference("busybox:1")));
        EXPECT_EQ(why.code, errc::unauthorized);
        EXPECT_EQ(authorizations(mirror), texts{"-"});
        co_await b.stop();
        co_await mirror.stop();
    });
}

TEST(upstream_token, cache_is_bounded) {
    run_coroutine([](executor ex) -> awaitable<void> {
        std::string realm;
        bench b(ex, [&](const seen_request& r) {
            if (r.target.starts_with("/token"))
                return answer(200, {}, R"({"token":"t"})");
            return r.header_or("Authorization", "").empty()
                       ? answer(401,
                                {{"WWW-Authenticate", fmt::format("Bearer realm=\"{}\"", realm)}},
                                "")
                       : manifest_answer(manifest_body);
        });
        realm = b.server.url("/token");
        for (std::size_t i = 0; i <= authenticator::tokens_max; ++i)
            co_await b.client->manifest(b.image(fmt::format("r{}:1", i)));
        const auto tokens = b.count("GET", "/token");
        EXPECT_EQ(tokens, authenticator::tokens_max + 1);
        co_await b.client->manifest(b.image(fmt::format("r{}:1", authenticator::tokens_max)));
        EXPECT_EQ(b.count("GET", "/token"), tokens) << "still there";
        co_await b.client->manifest(b.image("r0:1"));
        EXPECT_EQ(b.count("GET", "/token"), tokens + 1) << "made room";
        co_await b.stop();
    });
}
