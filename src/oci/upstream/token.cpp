#include "oci/upstream/token.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json/read.hpp"
#include "crypto/base64.hpp"
#include "oci/upstream/errc.hpp"

namespace dm::upstream {
namespace {

constexpr std::chrono::seconds lifetime_min{60};
constexpr std::chrono::seconds lifetime_max{24 * 3600};
constexpr std::string_view client_id = "distromash";

std::optional<token_source> source_of(const syntax::challenge& c) {
    const auto* realm = c.find("realm");
    if (!realm)
        return std::nullopt;
    auto url = syntax::parse_url(*realm);
    if (!url)
        return std::nullopt;
    token_source out{.realm = *std::move(url), .service = {}, .scope = {}};
    if (const auto* service = c.find("service"))
        out.service = *service;
    if (const auto* scope = c.find("scope"))
        out.scope = *scope;
    const auto* why = c.find("error");
    out.insufficient_scope = why && *why == "insufficient_scope";
    return out;
}

class form {
  public:
    void add(std::string_view name, std::string_view value) {
        if (value.empty())
            return;
        if (!text.empty())
            text += '&';
        text += fmt::format("{}={}", name, syntax::percent_encode(value));
    }
    std::string text;
};

// A challenge may ask for several scopes, separated by spaces; GET wants each on its own.
void add_scopes(form& f, std::string_view scopes) {
    while (!scopes.empty()) {
        const auto end = std::min(scopes.find(' '), scopes.size());
        f.add("scope", scopes.substr(0, end));
        scopes.remove_prefix(std::min(end + 1, scopes.size()));
    }
}

}  // namespace

offered_schemes schemes_in(const http::response_head& answer) {
    offered_schemes out;
    const std::string_view name = "WWW-Authenticate";
    for (const auto& h : answer.headers) {
        const http::header_list one{h};
        if (!http::find_header(one, name))
            continue;
        const auto challenges = syntax::parse_challenges(h.value);
        if (!challenges)
            continue;
        for (const auto& c : *challenges) {
            if (c.scheme == "basic")
                out.basic = true;
            if (c.scheme == "bearer" && !out.bearer)
                out.bearer = source_of(c);
        }
    }
    return out;
}

result<token> parse_token(std::string_view text) {
    const auto value = json::read(text, {.bytes_max = token_answer_bytes_max});
    if (!value)
        return fail(errc::corrupt, "its token answer is no JSON");
    const auto* found = json::string_member(*value, "access_token");
    if (!found || found->empty())
        found = json::string_member(*value, "token");
    if (!found || found->empty() || found->size() > token_text_max)
        return fail(errc::corrupt, "its token answer holds no token");
    const bool printable = std::ranges::all_of(*found, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!printable)
        return fail(errc::corrupt, "its token holds characters that no header may");
    const std::chrono::seconds said(
        std::min<std::uint64_t>(json::unsigned_member(*value, "expires_in").value_or(0),
                                static_cast<std::uint64_t>(lifetime_max.count())));
    return token{*found, std::max(said, lifetime_min)};
}

std::string basic_authorization(const credential& who) {
    return "Basic " + crypto::base64_encode(as_bytes(who.user + ':' + who.secret));
}

http::request token_get(const token_source& source, const std::string& scope,
                        const credential& who) {
    form query;
    query.add("service", source.service);
    add_scopes(query, scope);
    http::request out;
    if (who.type == credential::kind::password) {
        query.add("account", who.user);
        out.headers.push_back({"Authorization", basic_authorization(who)});
    }
    auto url = source.realm;
    url.target += (url.target.contains('?') ? '&' : '?') + query.text;
    out.url = syntax::to_string(url);
    out.body_bytes_max = token_answer_bytes_max;
    return out;
}

http::request token_post(const token_source& source, const std::string& scope,
                         const credential& who) {
    form body;
    if (who.type == credential::kind::identity_token) {
        body.add("grant_type", "refresh_token");
        body.add("refresh_token", who.secret);
    } else {
        body.add("grant_type", "password");
        body.add("username", who.user);
        body.add("password", who.secret);
    }
    body.add("service", source.service);
    body.add("client_id", client_id);
    body.add("scope", scope);
    http::request out;
    out.method = "POST";
    out.url = syntax::to_string(source.realm);
    out.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    out.body = std::move(body.text);
    out.body_bytes_max = token_answer_bytes_max;
    return out;
}

}  // namespace dm::upstream
