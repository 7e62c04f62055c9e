#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "http/syntax/url.hpp"

namespace dm::upstream {

/// Where operators send requests for a registry: its name in image references → base URL.
using mapping = std::map<std::string, syntax::url>;

/// Reads "docker.io=http://127.0.0.1:5000"; the URL may have a path, which then comes before /v2/.
result<std::pair<std::string, syntax::url>> parse_mapping(std::string_view text);

/// Where a registry's API is.
struct endpoint {
    std::string domain;  ///< as in image references: "docker.io", "localhost:5000"
    syntax::url base;    ///< its path has no '/' at the end
    bool mapped = false;

    /// For sentences and credentials: "registry-1.docker.io", "127.0.0.1:5000".
    std::string host_text() const;
    bool is_plain() const { return base.scheme == "http"; }
    /// "<base>/v2/<path>/<rest>".
    std::string url(std::string_view path, std::string_view rest) const;
};

/// A mapping wins; Docker Hub has its own API host; loopback is reached over http, all others over
/// https.
result<endpoint> endpoint_of(const std::string& domain, const mapping& upstreams);

/// May credentials for `where` be sent to the token server `realm` that it named? Over https (or
/// http, when the registry itself is plain http and the realm is the same host), to the same host,
/// one under the same parent domain ("registry-1.docker.io" → "auth.docker.io"), or one of
/// `trusted`.
bool may_send_credentials(const endpoint& where, const syntax::url& realm,
                          const std::vector<std::string>& trusted);

/// The part of that rule that holds without credentials, too.
bool may_ask_for_token(const endpoint& where, const syntax::url& realm);

}  // namespace dm::upstream
