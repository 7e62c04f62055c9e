#include "oci/upstream/registry_client.hpp"

#include <fmt/format.h>

#include <charconv>

#include "aio/timeout.hpp"
#include "base/format.hpp"
#include "base/log.hpp"
#include "crypto/hash.hpp"
#include "oci/manifest.hpp"
#include "oci/media_type.hpp"
#include "oci/upstream/blob_download.hpp"
#include "oci/upstream/probe.hpp"

namespace dm::upstream {
namespace {

steady_time now() {
    return std::chrono::steady_clock::now();
}

// "76;w=21600"
std::optional<rate_limit> rate_limit_in(const http::response_head& head) {
    const auto* text = head.find("ratelimit-remaining");
    if (!text)
        return std::nullopt;
    rate_limit out;
    const auto [end, code] =
        std::from_chars(text->data(), text->data() + text->size(), out.remaining);
    if (code != std::errc{})
        return std::nullopt;
    if (end != text->data() + text->size() && *end == ';')
        out.window = text->substr(static_cast<std::size_t>(end - text->data()) + 1, 64);
    return out;
}

std::optional<crypto::digest> announced_digest(const http::response_head& head) {
    const auto* text = head.find("Docker-Content-Digest");
    const auto parsed = text ? crypto::parse_digest(*text) : fail(crypto::errc::malformed_digest);
    return parsed ? std::optional{*parsed} : std::nullopt;
}

std::string content_type(const http::response_head& head) {
    const auto* text = head.find("Content-Type");
    return text ? *text : std::string{};
}

std::string manifest_text(const repository& where, const std::string& selector) {
    return fmt::format("{}{}{}", where.to_string(), selector.contains(':') ? '@' : ':', selector);
}

}  // namespace

/// What is known about one registry.
struct registry_client::host {
    host(endpoint e, const retry_options& retry) : where(std::move(e)), health(retry) {}

    endpoint where;
    host_health health;
    host_auth auth;
    std::optional<rate_limit> limit;
    int users = 0;
};

/// Keeps a host from being evicted.
class registry_client::host_use {
  public:
    explicit host_use(host& h) : host_(h) { ++host_.users; }
    host_use(const host_use&) = delete;
    host_use& operator=(const host_use&) = delete;
    ~host_use() { --host_.users; }
    host& operator*() const noexcept { return host_; }
    host* operator->() const noexcept { return &host_; }

  private:
    host& host_;
};

/// One thing that is wanted, over all its attempts.
struct registry_client::call {
    host& from;
    std::string path;
    std::string text;  ///< for sentences: "docker.io/library/busybox:1"
    exchange_kind kind = exchange_kind::manifest;
    http::request request = {};
    blob_download* into = nullptr;  ///< where a blob goes; others come back in memory
    bool is_push = false;
};

registry_client::registry_client(http::client& http, aio::pool& workers, options opts)
    : http_(http),
      options_(std::move(opts)),
      credentials_(workers, options_.credentials),
      trust_(workers, options_.ca_file, options_.certs_dir),
      auth_(http, credentials_, trust_, options_.trusted_realms),
      random_(options_.seed) {}
registry_client::~registry_client() = default;

registry_client::host& registry_client::host_of(const std::string& domain) {
    if (const auto found = hosts_.find(domain); found != hosts_.end())
        return *found->second;
    auto where = value_or_throw(endpoint_of(domain, options_.upstreams));
    if (hosts_.size() >= hosts_max)
        std::erase_if(hosts_, [](const auto& entry) { return entry.second->users == 0; });
    auto& slot = hosts_[domain];
    slot = std::make_unique<host>(std::move(where), options_.retry);
    return *slot;
}

std::optional<rate_limit> registry_client::limit_of(const std::string& domain) const {
    const auto found = hosts_.find(domain);
    return found != hosts_.end() ? found->second->limit : std::nullopt;
}

http::request registry_client::request_for(const call& c, const char* method,
                                           const std::string& rest) const {
    http::request out;
    out.method = method;
    out.url = c.from.where.url(c.path, rest);
    out.redirects_max = redirects_max;
    out.connect_timeout = options_.connect_timeout;
    out.stall_timeout = options_.stall_timeout;
    if (c.kind == exchange_kind::manifest) {
        out.headers.push_back({"Accept", std::string(oci::media_type::accept_manifests)});
        out.stall_timeout = options_.answer_timeout;
        out.total_timeout = options_.manifest_timeout;
        out.body_bytes_max = oci::manifest_bytes_max;
    } else {
        out.receive_buffer_bytes = options_.blob_receive_buffer_bytes;
    }
    return out;
}

// --- one exchange, with authorization, with retries ---

awaitable<http::response> registry_client::exchange(call* c, http::request request) {
    auto& from = c->from;
    if (!from.where.is_plain())
        request.tls = co_await trust_.find(from.where.host_text());
    std::optional<exchange_failed> failed;
    try {
        http::response got;
        if (c->into) {
            c->into->begin_attempt();
            got.head = co_await http_.stream(std::move(request), *c->into);
            got.body = c->into->error_body();
        } else {
            got = co_await http_.fetch(std::move(request));
        }
        count_exchange(c->kind, got.head.status);
        if (auto limit = rate_limit_in(got.head)) {
            note_rate_limit(limit->remaining);
            from.limit = std::move(limit);
        }
        co_return got;
    } catch (const exchange_failed& e) {
        failed = e;  // the answer does not fit the blob
    } catch (const failure& e) {
        if (c->into && c->into->sink_failed())
            throw;
        failed = of_transport(e.reason());
        if (e.code() == http::errc::tls_failed)
            trust_.forget(from.where.host_text());
    }
    count_exchange(c->kind, *failed);
    throw exchange_failed(*failed);
}

awaitable<http::response> registry_client::authorized(call* c) {
    auto& from = c->from;
    access what{from.where, from.auth, c->path, c->is_push};
    auto authorization = co_await auth_.known(&what);
    for (int round = 0;; ++round) {
        auto request = c->request;
        if (!authorization.empty())
            request.headers.push_back({"Authorization", authorization});
        auto got = co_await exchange(c, std::move(request));
        if (got.head.status >= 200 && got.head.status < 300)
            co_return got;
        auto failed =
            of_status(got, from.where.host_text(), c->text, std::chrono::system_clock::now());
        const auto answered_by = syntax::parse_url(got.head.url);
        const bool elsewhere = !answered_by || !syntax::same_origin(*answered_by, from.where.base);
        if (elsewhere && (got.head.status == 401 || got.head.status == 403))
            failed.may_retry = true;  // an expired signature: the registry gives a new one
        if (got.head.status != 401 || elsewhere)
            throw exchange_failed(failed);
        auto next = co_await auth_.answer(&what, &got.head, authorization, round);
        if (!next && from.auth.problem.empty())
            throw exchange_failed(failed);
        if (!next)
            throw exchange_failed(
                {failed.reason().code,
                 fmt::format("{} ({})", failed.reason().message(), from.auth.problem)},
                false, failed.status);
        authorization = *std::move(next);
    }
}

void registry_client::check_not_blocked(const call& c) const {
    const auto wait = c.from.health.blocked_for(now());
    if (wait.count() == 0)
        return;
    const auto& why = c.from.health.last_reason();
    throw failure(
        {why.code, fmt::format("{} is left alone for another {}, since {}",
                               c.from.where.host_text(), wait_text(wait), why.message())});
}

awaitable<void> registry_client::pause_or_throw(const call* c, retry_state* retry,
                                                exchange_failed why) {
    auto& health = c->from.health;
    if (!why.may_retry) {
        if (why.status != 0)
            health.succeeded();
        throw exchange_failed(why);
    }
    health.failed(now(), why.reason(), why.retry_after);
    auto delay = retry->next_delay(now());
    if (why.code() == errc::timed_out && retry->failures() > hanging_attempts_max - 1)
        delay.reset();
    if (!delay) {
        auto reason = why.reason();
        if (retry->failures() > 1)
            reason.detail += fmt::format("; given up after {} attempts", retry->failures());
        if (const auto wait = health.blocked_for(now()); wait.count() > 0)
            reason.detail += fmt::format("; next try in {} at the earliest", wait_text(wait));
        throw exchange_failed(std::move(reason), true, why.status);
    }
    log::warn("upstream failed, trying again", {{"registry", c->from.where.host_text()},
                                                {"wanted", c->text},
                                                {"wait_ms", delay->count()},
                                                {"reason", why.reason().message()}});
    co_await aio::sleep_for(*delay);
}

awaitable<http::response> registry_client::insist(call* c) {
    check_not_blocked(*c);
    retry_state retry(options_.retry, c->from.health, random_);
    for (;;) {
        std::optional<exchange_failed> failed;
        try {
            auto got = co_await authorized(c);
            c->from.health.succeeded();
            co_return got;
        } catch (const exchange_failed& e) {
            failed = e;
        }
        co_await pause_or_throw(c, &retry, *failed);
    }
}

// --- names and manifests ---

awaitable<resolved> registry_client::resolve(const oci::reference& image) {
    return resolve_by_head(image);
}

awaitable<resolved> registry_client::resolve_by_head(oci::reference image) {
    const auto where = repository::of(image);
    const auto selector = image.manifest_selector();
    host_use from(host_of(where.domain));
    call c{*from, where.path, manifest_text(where, selector)};
    c.request = request_for(c, "HEAD", "manifests/" + selector);
    http::response got;
    bool use_get = false;
    try {
        got = co_await insist(&c);
    } catch (const exchange_failed& e) {
        use_get = e.status == 400 || e.status == 405 || e.status == 501;  // it has no HEAD
        if (!use_get)
            throw;
    }
    const auto digest = announced_digest(got.head);
    const auto size = got.head.content_length();
    auto type = content_type(got.head);
    if (use_get || !digest || !size || type.empty()) {
        const auto full = co_await get_manifest(where, selector, image.digest);
        co_return resolved{full.digest, full.media_type, full.raw.size()};
    }
    if (image.digest && *image.digest != *digest)
        raise(errc::corrupt, fmt::format("{} has {} when asked for {}", from->where.host_text(),
                                         digest->to_string(), c.text));
    if (*size > oci::manifest_bytes_max)
        raise(errc::too_large,
              fmt::format("the manifest of {} at {} has {}, and no client takes more than {}",
                          c.text, from->where.host_text(), to_size_text(*size),
                          to_size_text(oci::manifest_bytes_max)));
    co_return resolved{*digest, std::move(type), *size};
}

awaitable<fetched_manifest> registry_client::manifest(const oci::reference& image) {
    return get_manifest(repository::of(image), image.manifest_selector(), image.digest);
}

awaitable<fetched_manifest> registry_client::manifest(repository where, crypto::digest digest) {
    return get_manifest(std::move(where), digest.to_string(), digest);
}

awaitable<fetched_manifest> registry_client::get_manifest(repository where, std::string selector,
                                                          std::optional<crypto::digest> expected) {
    host_use from(host_of(where.domain));
    call c{*from, where.path, manifest_text(where, selector)};
    c.request = request_for(c, "GET", "manifests/" + selector);
    auto got = co_await insist(&c);
    const auto said = expected ? expected : announced_digest(got.head);
    const auto algorithm = said ? said->algorithm() : crypto::hash_algorithm::sha256;
    const auto actual = crypto::hash_of(algorithm, as_bytes(got.body));
    if (said && *said != actual)
        raise(errc::corrupt,
              fmt::format("{} sent a manifest for {} that does not match its digest {}",
                          from->where.host_text(), c.text, said->to_string()));
    co_return fetched_manifest{actual, content_type(got.head), std::move(got.body)};
}

// --- pushes ---

awaitable<http::response_head> registry_client::push(repository where, push_step step) {
    host_use from(host_of(where.domain));
    call c{*from, where.path, fmt::format("{} of {}", step.text, where.to_string()),
           exchange_kind::blob};
    c.is_push = true;
    c.request = request_for(c, step.method.c_str(), "");
    const bool is_location = step.where.starts_with('/') || step.where.contains("://");
    const auto target = is_location ? syntax::resolve(from->where.base, step.where)
                                    : syntax::parse_url(from->where.url(where.path, step.where));
    if (!target || !syntax::same_origin(*target, from->where.base))
        raise(errc::denied,
              fmt::format("{} wants {} to be sent elsewhere", from->where.host_text(), step.text));
    c.request.url = syntax::to_string(*target);
    c.request.headers = std::move(step.headers);
    c.request.body = std::move(step.body);
    c.request.redirects_max = 0;
    c.request.stall_timeout = push_silence_max;
    auto got = co_await insist(&c);
    co_return std::move(got.head);
}

// --- blobs ---

awaitable<void> registry_client::blob(repository where, oci::descriptor what, std::uint64_t offset,
                                      blob_sink& sink) {
    return download(std::move(where), std::move(what), offset, &sink);
}

awaitable<void> registry_client::download(repository where, oci::descriptor what,
                                          std::uint64_t offset, blob_sink* sink) {
    if (offset >= what.size && offset > 0)
        co_return;
    host_use from(host_of(where.domain));
    const auto text = fmt::format("blob {} of {}", what.digest.to_string(), where.to_string());
    call c{*from, where.path, text, exchange_kind::blob};
    blob_download into(co_await asio::this_coro::executor, what, offset, *sink,
                       from->where.host_text(), text);
    c.into = &into;
    check_not_blocked(c);
    retry_state retry(options_.retry, from->health, random_);
    while (!into.complete()) {
        const auto before = into.position();
        c.request = request_for(c, "GET", "blobs/" + what.digest.to_string());
        if (before > 0)
            c.request.headers.push_back({"Range", fmt::format("bytes={}-", before)});
        std::optional<exchange_failed> failed;
        try {
            co_await authorized(&c);
        } catch (const exchange_failed& e) {
            failed = e;
        }
        if (into.complete() && (!failed || failed->may_retry)) {
            from->health.succeeded();
            co_return;
        }
        if (into.position() - before >= progress_bytes_min) {
            retry.progressed();
            from->health.succeeded();
        }
        if (!failed)
            failed =
                exchange_failed({errc::unavailable, fmt::format("{} ended {} after {} of {} bytes",
                                                                from->where.host_text(), text,
                                                                into.position(), what.size)},
                                true);
        co_await into.ready();
        co_await pause_or_throw(&c, &retry, *failed);
    }
}

}  // namespace dm::upstream
