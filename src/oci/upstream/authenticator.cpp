#include "oci/upstream/authenticator.hpp"

#include <fmt/format.h>

#include "oci/upstream/probe.hpp"

namespace dm::upstream {
namespace {

constexpr std::chrono::seconds token_timeout{30};
constexpr std::string_view bearer_prefix = "Bearer ";

std::string key_of(const endpoint& where, const token_source& source, const std::string& scope) {
    return fmt::format("{}\n{}\n{}\n{}", where.domain, syntax::to_string(source.realm),
                       source.service, scope);
}

// A mapped registry is another server than the one whose name images carry, so it gets the
// credentials stored under its own name only.
std::string credential_domain(const endpoint& where) {
    return where.mapped ? where.host_text() : where.domain;
}

std::string realm_text(const syntax::url& realm) {
    return syntax::to_string(syntax::authority{
        realm.host, realm.is_default_port() ? std::nullopt : std::optional{realm.port}});
}

error refused(const endpoint& where, const syntax::url& realm, const credential& who,
              const std::string& message) {
    const auto said = message.empty() ? std::string{} : fmt::format(" and says {}", message);
    if (who.type == credential::kind::none)
        return {errc::unauthorized,
                fmt::format("{} gives no anonymous token for {}{}: credentials are needed",
                            realm_text(realm), where.host_text(), said)};
    return {errc::unauthorized, fmt::format("{} refuses the credentials stored for {}{}",
                                            realm_text(realm), credential_domain(where), said)};
}

}  // namespace

std::string access::scope() const {
    return fmt::format("repository:{}:pull{}", path, is_push ? ",push" : "");
}

authenticator::authenticator(http::client& http, credential_store& credentials, trust_store& trust,
                             std::vector<std::string> trusted_realms)
    : http_(http),
      credentials_(credentials),
      trust_(trust),
      trusted_realms_(std::move(trusted_realms)) {}

awaitable<std::string> authenticator::known(access* what) {
    if (const auto source = what->auth.bearer)
        co_return co_await bearer(what, *source, what->scope());
    co_return what->auth.basic;
}

awaitable<std::optional<std::string>> authenticator::answer(access* what,
                                                            const http::response_head* refused,
                                                            std::string used, int round) {
    const auto offered = schemes_in(*refused);
    if (offered.bearer) {
        auto scope = what->scope();
        if (round > 0 && !offered.bearer->insufficient_scope)
            co_return std::nullopt;
        if (round > 0) {
            if (round > 1 || offered.bearer->scope.empty() || offered.bearer->scope == scope)
                co_return std::nullopt;
            scope = offered.bearer->scope;
        }
        what->auth.bearer = offered.bearer;
        const auto key = key_of(what->where, *offered.bearer, scope);
        if (const auto found = tokens_.find(key);
            found != tokens_.end() && used == std::string(bearer_prefix) + found->second->value)
            found->second->value.clear();
        co_return co_await bearer(what, *offered.bearer, std::move(scope));
    }
    if (!offered.basic || round > 0)
        co_return std::nullopt;
    auto next = co_await basic(what);
    if (next.empty() || next == used)
        co_return std::nullopt;
    co_return next;
}

awaitable<std::string> authenticator::basic(access* what) {
    const auto who = co_await credentials_.find(credential_domain(what->where), what->path);
    auto& auth = what->auth;
    auth.problem = who.problem;
    auth.anonymous = who.type != credential::kind::password;
    auth.basic = auth.anonymous ? std::string{} : basic_authorization(who);
    co_return auth.basic;
}

authenticator::slot& authenticator::slot_of(const executor& ex, const std::string& key) {
    if (tokens_.size() >= tokens_max && !tokens_.contains(key))
        std::erase_if(tokens_, [](const auto& entry) {
            return !entry.second->fetching && entry.second->waiting == 0;
        });
    auto& found = tokens_[key];
    if (!found)
        found = std::make_unique<slot>(ex);
    return *found;
}

awaitable<std::string> authenticator::bearer(access* what, token_source source, std::string scope) {
    auto& s = slot_of(co_await asio::this_coro::executor, key_of(what->where, source, scope));
    struct counted {
        explicit counted(int& value) : n(value) { ++n; }
        counted(const counted&) = delete;
        counted& operator=(const counted&) = delete;
        ~counted() { --n; }
        int& n;
    } const in_use(s.waiting);
    while (s.fetching) {
        co_await s.changed.wait();
        if (!s.fetching && s.failed)  // who waited for that request shares its failure
            throw exchange_failed(*s.failed);
    }
    if (!s.value.empty() && std::chrono::steady_clock::now() < s.renew_at)
        co_return std::string(bearer_prefix) + s.value;

    struct flight {
        explicit flight(slot& where) : s(where) {
            s.fetching = true;
            s.failed.reset();
        }
        flight(const flight&) = delete;
        flight& operator=(const flight&) = delete;
        ~flight() {
            s.fetching = false;
            s.changed.notify_all();
        }
        slot& s;
    } const mine(s);
    try {
        auto got = co_await fetch(what, source, std::move(scope));
        s.value = std::move(got.value);
        s.renew_at = std::chrono::steady_clock::now() + got.lifetime * 4 / 5;
    } catch (const exchange_failed& e) {
        s.failed = e;
        throw;
    }
    co_return std::string(bearer_prefix) + s.value;
}

awaitable<token> authenticator::fetch(access* what, token_source source, std::string scope) {
    const auto& where = what->where;
    if (!may_ask_for_token(where, source.realm))
        throw exchange_failed(
            {errc::denied, fmt::format("{} names {} as its token server, over plain http: not used",
                                       where.host_text(), realm_text(source.realm))});
    const auto who = co_await credentials_.find(credential_domain(where), what->path);
    what->auth.problem = who.problem;
    what->auth.anonymous = who.type == credential::kind::none;
    if (who.type == credential::kind::bearer_token)
        co_return token{who.secret, std::chrono::hours{24}};
    if (who.type != credential::kind::none &&
        !may_send_credentials(where, source.realm, trusted_realms_))
        throw exchange_failed(
            {errc::denied,
             fmt::format("{} names {} as its token server, which is another organisation's as far "
                         "as we can tell: it must be trusted before it gets credentials",
                         where.host_text(), realm_text(source.realm))});

    const bool identity = who.type == credential::kind::identity_token;
    auto got = co_await ask(
        identity ? token_post(source, scope, who) : token_get(source, scope, who), &source.realm);
    const bool only_post =
        got.head.status == 400 || got.head.status == 404 || got.head.status == 405;
    if (only_post && who.type == credential::kind::password)
        got = co_await ask(token_post(source, scope, who), &source.realm);
    const int status = got.head.status;
    if (status == 400 || status == 401 || status == 403)
        throw exchange_failed(refused(where, source.realm, who, registry_message(got.body)), false,
                              status);
    if (status != 200)
        throw of_status(got, realm_text(source.realm), fmt::format("a token for {}", what->path),
                        std::chrono::system_clock::now());
    auto parsed = parse_token(got.body);
    if (!parsed)
        throw exchange_failed({parsed.error().code, fmt::format("{}: {}", realm_text(source.realm),
                                                                parsed.error().message())});
    co_return *std::move(parsed);
}

awaitable<http::response> authenticator::ask(http::request request, const syntax::url* realm) {
    if (realm->scheme == "https")
        request.tls = co_await trust_.find(realm_text(*realm));
    request.total_timeout = token_timeout;
    std::optional<exchange_failed> failed;
    try {
        auto got = co_await http_.fetch(std::move(request));
        count_exchange(exchange_kind::token, got.head.status);
        co_return got;
    } catch (const failure& e) {
        failed = of_transport(e.reason());
    }
    count_exchange(exchange_kind::token, *failed);
    throw exchange_failed(*failed);
}

}  // namespace dm::upstream
