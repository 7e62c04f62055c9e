#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "http/client/request.hpp"
#include "http/syntax/challenge.hpp"
#include "http/syntax/url.hpp"
#include "oci/upstream/credentials.hpp"

namespace dm::upstream {

/// What a Bearer challenge says about where tokens come from.
struct token_source {
    syntax::url realm;
    std::string service;  ///< may be empty
    std::string scope;    ///< what the registry wants for the request it refused; may be empty
    bool insufficient_scope = false;
};

/// Of all WWW-Authenticate headers of an answer what we can use.
struct offered_schemes {
    std::optional<token_source> bearer;
    bool basic = false;
};
offered_schemes schemes_in(const http::response_head& answer);

/// A bearer token and for how long it may be used.
struct token {
    std::string value;
    std::chrono::seconds lifetime{60};
};

constexpr std::size_t token_answer_bytes_max = 1 << 20;
constexpr std::size_t token_text_max = 128 << 10;

/// Takes `access_token` before `token`; a lifetime below 60 s counts as 60 s, above a day as one.
/// Spec: distribution "Token Authentication Specification".
result<token> parse_token(std::string_view json);

/// GET with Basic credentials, or anonymous when there are none.
http::request token_get(const token_source& source, const std::string& scope,
                        const credential& who);

/// POST: an identity token as refresh_token, else grant_type=password.
/// Spec: distribution "OAuth2 Token Authentication".
http::request token_post(const token_source& source, const std::string& scope,
                         const credential& who);

/// "Basic <base64 of user:secret>".
std::string basic_authorization(const credential& who);

}  // namespace dm::upstream
