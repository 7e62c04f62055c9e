#include "oci/manifest.hpp"

#include "base/metrics.hpp"
#include "oci/upstream/client_fixture.hpp"

using namespace dm;
using namespace dm::upstream;
using namespace dm::upstream::testing;

namespace {

const std::string manifest_body = R"({"schemaVersion":2,  "odd spacing": "kept" })";

}  // namespace

TEST(upstream_resolve, asks_by_head_alone) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) {
            return head_answer(200, {{"Content-Type", "application/x; charset=utf-8"},
                                     {"Docker-Content-Digest", digest_text(manifest_body)},
                                     {"Content-Length", "46"},
                                     {"ratelimit-remaining", "76;w=21600"}});
        });
        const auto got = co_await b.client->resolve(b.image("library/x:1"));
        EXPECT_EQ(got.digest.to_string(), digest_text(manifest_body));
        EXPECT_EQ(got.size, 46u);
        EXPECT_EQ(got.media_type, "application/x; charset=utf-8");
        const auto& seen = b.server.requests.at(0);
        EXPECT_EQ(b.server.requests.size(), 1u);
        EXPECT_EQ(seen.method, "HEAD");
        EXPECT_EQ(seen.target, "/v2/library/x/manifests/1");
        EXPECT_TRUE(seen.header_or("Accept", "").contains("manifest.list.v2+json"));
        EXPECT_TRUE(seen.header_or("Accept", "").contains("oci.image.index"));
        EXPECT_EQ(b.client->limit_of(b.server.authority())->remaining, 76u);
        EXPECT_EQ(b.client->limit_of(b.server.authority())->window, "w=21600");
        co_await b.stop();
    });
}

TEST(upstream_resolve, falls_back_to_get_where_head_says_too_little) {
    run_coroutine([](executor ex) -> awaitable<void> {
        for (const int status : {200, 400, 405, 501}) {
            bench b(ex, [status](const seen_request& r) {
                return r.method == "HEAD" ? head_answer(status, {})
                                          : manifest_answer(manifest_body);
            });
            const auto got = co_await b.client->resolve(b.image("x:1"));
            EXPECT_EQ(got.digest.to_string(), digest_text(manifest_body));
            EXPECT_EQ(got.size, manifest_body.size());
            EXPECT_EQ(b.server.requests.size(), 2u);
            co_await b.stop();
        }
    });
}

TEST(upstream_resolve, refuses_a_head_that_lies) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) {
            const bool big = r.target.contains("big");
            return head_answer(200, {{"Content-Type", "x"},
                                     {"Docker-Content-Digest", digest_text("other")},
                                     {"Content-Length", big ? "104857600" : "46"}});
        });
        const auto other =
            co_await failure_of(b.client->resolve(b.image("x@" + digest_text(manifest_body))));
        EXPECT_EQ(other.code, errc::corrupt) << other.message();
        const auto big = co_await failure_of(b.client->resolve(b.image("big:1")));
        EXPECT_EQ(big.code, errc::too_large) << big.message();
        co_await b.stop();
    });
}

TEST(upstream_manifest, keeps_every_byte_and_its_type) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) { return manifest_answer(manifest_body); });
        for (const auto& image : {b.image("x:1"), b.image("x@" + digest_text(manifest_body))}) {
            const auto got = co_await b.client->manifest(image);
            EXPECT_EQ(got.raw, manifest_body);
            EXPECT_EQ(got.digest.to_string(), digest_text(manifest_body));
            EXPECT_EQ(got.media_type, "application/vnd.oci.image.manifest.v1+json");
        }
        const auto child = co_await b.client->manifest(
            b.in("x"), *crypto::parse_digest(digest_text(manifest_body)));
        EXPECT_EQ(child.raw, manifest_body);
        EXPECT_EQ(b.server.requests.back().target, "/v2/x/manifests/" + digest_text(manifest_body));
        co_await b.stop();
    });
}

TEST(upstream_manifest, needs_no_digest_header_for_a_tag) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) { return answer(200, {}, manifest_body); });
        const auto got = co_await b.client->manifest(b.image("x:1"));
        EXPECT_EQ(got.digest.to_string(), digest_text(manifest_body));
        EXPECT_EQ(got.media_type, "");
        co_await b.stop();
    });
}

TEST(upstream_manifest, with_wrong_bytes_is_corrupt) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) {
            return answer(200, {{"Docker-Content-Digest", digest_text(manifest_body)}}, "{}");
        });
        for (const auto& image : {b.image("x:1"), b.image("x@" + digest_text(manifest_body))}) {
            const auto why = co_await failure_of(b.client->manifest(image));
            EXPECT_EQ(why.code, errc::corrupt);
            EXPECT_TRUE(why.message().contains("does not match its digest")) << why.message();
        }
        co_await b.stop();
    });
}

TEST(upstream_manifest, beyond_the_limit_is_refused_early) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) {
            const std::string mega(1 << 20, ' ');
            if (r.target.ends_with("announced"))
                return reply{
                    {{"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"}, {mega, 100}}};
            if (r.target.ends_with("exact"))
                return answer(200, {}, std::string(oci::manifest_bytes_max, ' '));
            if (r.target.ends_with("over"))
                return answer(200, {}, std::string(oci::manifest_bytes_max + 1, ' '));
            return reply{{{"HTTP/1.1 200 OK\r\n\r\n"}, {mega, 1000}}, reply::end::close};
        });
        EXPECT_EQ((co_await b.client->manifest(b.image("x:exact"))).raw.size(),
                  oci::manifest_bytes_max);
        for (const char* name : {"x:announced", "x:endless", "x:over"}) {
            const auto why = co_await failure_of(b.client->manifest(b.image(name)));
            EXPECT_EQ(why.code, errc::too_large) << why.message();
            EXPECT_TRUE(why.message().contains(b.server.authority())) << why.message();
        }
        EXPECT_EQ(b.count("GET", "endless"), 1u);
        EXPECT_LT(b.server.sent_bytes, 40u << 20);
        co_await b.stop();
    });
}

TEST(upstream_manifest, that_is_unknown_is_said_so_at_once) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) {
            return answer(404, {}, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"x"}]})");
        });
        const auto why = co_await failure_of(b.client->manifest(b.image("library/nosuch:1")));
        EXPECT_EQ(why.code, errc::not_found);
        EXPECT_EQ(why.message(),
                  fmt::format("{0}/library/nosuch:1 is unknown to {0}", b.server.authority()));
        EXPECT_EQ((co_await failure_of(b.client->resolve(b.image("x:1")))).code, errc::not_found);
        EXPECT_EQ(b.server.requests.size(), 2u);
        co_await b.stop();
    });
}

TEST(upstream_manifest, that_is_denied_is_not_asked_for_again) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) {
            return answer(403, {}, R"({"errors":[{"code":"DENIED","message":"no"}]})");
        });
        const auto why = co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_EQ(why.code, errc::denied);
        EXPECT_EQ(condition_of(why.code), condition::forbidden);
        EXPECT_TRUE(why.message().contains("DENIED: no")) << why.message();
        EXPECT_EQ(b.server.requests.size(), 1u);
        co_await b.stop();
    });
}

TEST(upstream_retry, outlives_short_troubles) {
    run_coroutine([](executor ex) -> awaitable<void> {
        for (const int status : {429, 500, 502, 503, 0}) {
            int asked = 0;
            bench b(ex, [&](const seen_request&) {
                if (++asked > 2)
                    return manifest_answer(manifest_body);
                return status ? answer(status, {}, "") : reply{{}, reply::end::close};
            });
            const auto got = co_await b.client->manifest(b.image("x:1"));
            EXPECT_EQ(got.raw, manifest_body);
            EXPECT_EQ(asked, 3);
            co_await b.stop();
        }
    });
}

TEST(upstream_retry, ends_after_some_attempts_with_the_reason) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) { return answer(500, {}, ""); });
        const auto why = co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_EQ(why.code, errc::unavailable);
        EXPECT_TRUE(why.message().contains("answers 500")) << why.message();
        EXPECT_TRUE(why.message().contains("given up after 4 attempts")) << why.message();
        EXPECT_EQ(b.server.requests.size(), 4u);
        co_await b.stop();
    });
}

TEST(upstream_retry, does_not_wait_long_for_a_registry_that_hangs) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) { return reply{{}, reply::end::hang}; });
        const auto why = co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_EQ(why.code, errc::timed_out) << why.message();
        EXPECT_EQ(b.server.requests.size(), 2u);
        co_await b.stop();
    });
}

TEST(upstream_retry, obeys_retry_after_or_says_when) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bool once = false;
        bench b(ex, [&](const seen_request& r) {
            if (r.target.ends_with("later"))
                return answer(429, {{"Retry-After", "7200"}}, "");
            if (std::exchange(once, true))
                return manifest_answer(manifest_body);
            return answer(429, {{"Retry-After", "1"}}, "");
        });
        const auto begin = std::chrono::steady_clock::now();
        co_await b.client->manifest(b.image("x:1"));
        EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);

        const auto later = co_await failure_of(b.client->manifest(b.image("x:later")));
        EXPECT_EQ(later.code, errc::rate_limited);
        EXPECT_TRUE(later.message().contains("next try in 10 min")) << later.message();
        EXPECT_EQ(b.count("GET", "later"), 1u);

        const auto blocked = co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_EQ(blocked.code, errc::rate_limited);
        EXPECT_TRUE(blocked.message().contains("is left alone for another")) << blocked.message();
        EXPECT_EQ(b.server.requests.size(), 3u);
        co_await b.stop();
    });
}

TEST(upstream_retry, leaves_a_registry_alone_that_is_down) {
    run_coroutine([](executor ex) -> awaitable<void> {
        auto o = quick();
        o.retry.circuit_failures = 3;
        o.retry.wait_max = 1s;
        bench b(ex, [](const seen_request&) { return answer(503, {}, ""); }, o);
        const auto first = co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_TRUE(first.message().contains("next try in 5.0 s")) << first.message();
        EXPECT_EQ(b.server.requests.size(), 3u);
        const auto second = co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_EQ(second.code, errc::unavailable);
        EXPECT_EQ(b.server.requests.size(), 3u);
        co_await b.stop();
    });
}

TEST(upstream_retry, ends_when_cancelled) {
    run_coroutine([](executor ex) -> awaitable<void> {
        auto o = quick();
        o.retry.base_delay = 1h;
        o.retry.delay_max = 1h;
        o.retry.wait_max = 2h;
        bench b(ex, [](const seen_request&) { return answer(503, {}, ""); }, o);
        const auto why =
            co_await failure_of(aio::with_timeout(b.client->manifest(b.image("x:1")), 50ms));
        EXPECT_EQ(why.code, aio::errc::timed_out);
        EXPECT_EQ(b.server.requests.size(), 1u);
        co_await b.stop();
    });
}

TEST(upstream_mapping, sends_a_registrys_requests_elsewhere) {
    run_coroutine([](executor ex) -> awaitable<void> {
        scripted_server mirror(ex,
                               [](const seen_request&) { return manifest_answer(manifest_body); });
        auto o = quick();
        o.upstreams.insert(*parse_mapping("docker.io=" + mirror.url("/hub/")));
        bench b(ex, [](const seen_request&) { return answer(500, {}, ""); }, o);
        const auto got = co_await b.client->manifest(*oci::parse_reference("busybox:1.35.0"));
        EXPECT_EQ(got.raw, manifest_body);
        EXPECT_EQ(mirror.requests.at(0).target, "/hub/v2/library/busybox/manifests/1.35.0");
        co_await b.stop();
        co_await mirror.stop();
    });
}

TEST(upstream_hosts, are_remembered_up_to_a_limit) {
    run_coroutine([](executor ex) -> awaitable<void> {
        auto o = quick();
        o.retry.attempts_max = 1;
        o.connect_timeout = 1s;
        bench b(ex, [](const seen_request&) { return answer(404, {}, ""); }, o);
        for (std::size_t i = 0; i < registry_client::hosts_max + 10; ++i)
            co_await failure_of(b.client->manifest(
                *oci::parse_reference(fmt::format("127.0.{}.{}:1/x:1", i / 250, i % 250 + 1))));
        const auto known = co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_EQ(known.code, errc::not_found);
        co_await b.stop();
    });
}

TEST(upstream_metrics, count_exchanges_by_kind_and_outcome) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) { return answer(404, {}, ""); });
        co_await failure_of(b.client->manifest(b.image("x:1")));
        EXPECT_TRUE(metrics::exposition().contains(
            "distromash_upstream_requests_total{kind=\"manifest\",outcome=\"not_found\"}"));
        co_await b.stop();
    });
}
