#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aio/event.hpp"
#include "base/clock.hpp"
#include "http/client/client.hpp"
#include "oci/upstream/credentials.hpp"
#include "oci/upstream/endpoint.hpp"
#include "oci/upstream/exchange.hpp"
#include "oci/upstream/token.hpp"
#include "oci/upstream/trust.hpp"

namespace dm::upstream {

/// What one registry wants, learnt from its challenges.
struct host_auth {
    std::optional<token_source> bearer;
    std::string basic;      ///< an Authorization value that goes with every request
    bool anonymous = true;  ///< no credentials were found
    std::string problem;    ///< why stored credentials were not used
};

/// What a request is for: decides scope and credentials.
struct access {
    const endpoint& where;
    host_auth& auth;
    std::string path;  ///< repository on the wire
    bool is_push = false;

    /// "repository:library/busybox:pull", for a push ":pull,push".
    std::string scope() const;
};

/// Gets and keeps authorization for registries: Basic, and bearer tokens from the token server
/// that a registry names. One token request at a time for each (registry, realm, service, scope),
/// whose credentials are always the same; tokens are renewed after 4/5 of their lifetime.
/// Spec: distribution "Token Authentication Specification".
class authenticator {
  public:
    /// All outlive it. `trusted_realms`: hosts of token servers that may see any credentials.
    authenticator(http::client& http, credential_store& credentials, trust_store& trust,
                  std::vector<std::string> trusted_realms);

    /// The Authorization value to send at once; empty when the registry is not known to want any.
    awaitable<std::string> known(access* what);

    /// After a 401 to a request that carried `used`, the `round`-th in a row (from 0): what to try
    /// next; nullopt: nothing, the 401 stands.
    awaitable<std::optional<std::string>> answer(access* what, const http::response_head* refused,
                                                 std::string used, int round);

    static constexpr std::size_t tokens_max = 256;

  private:
    struct slot {
        explicit slot(executor ex) : changed(std::move(ex)) {}
        std::string value;
        steady_time renew_at{};
        bool fetching = false;
        int waiting = 0;
        aio::event changed;
        std::optional<exchange_failed> failed;
    };

    awaitable<std::string> bearer(access* what, token_source source, std::string scope);
    awaitable<std::string> basic(access* what);
    awaitable<token> fetch(access* what, token_source source, std::string scope);
    awaitable<http::response> ask(http::request request, const syntax::url* realm);
    slot& slot_of(const executor& ex, const std::string& key);

    http::client& http_;
    credential_store& credentials_;
    trust_store& trust_;
    std::vector<std::string> trusted_realms_;
    std::map<std::string, std::unique_ptr<slot>> tokens_;
};

}  // namespace dm::upstream
