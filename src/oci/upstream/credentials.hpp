#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "aio/pool.hpp"
#include "base/result.hpp"

namespace dm::upstream {

/// Who we are to a registry. Never to be logged.
struct credential {
    enum class kind {
        none,
        password,        ///< `user` and `secret`
        identity_token,  ///< `secret` is an OAuth2 refresh token
        bearer_token,    ///< `secret` goes to the registry as it is
    };
    kind type = kind::none;
    std::string user = {};
    std::string secret = {};
    /// Why stored credentials could not be used, for a later error's sentence.
    std::string problem = {};

    friend bool operator==(const credential&, const credential&) = default;
};

constexpr std::size_t credential_file_bytes_max = 1 << 20;

/// A docker config.json or containers auth.json.
struct credential_file {
    std::map<std::string, credential> entries;   ///< by "host", "host:port" or "host/path"
    std::map<std::string, std::string> helpers;  ///< by "host"
    std::string default_helper;

    /// The entry with the longest key that `domain`/`path` starts with.
    const credential* find(const std::string& domain, const std::string& path) const;
    /// The helper program's name without "docker-credential-"; empty when there is none.
    std::string helper_for(const std::string& domain) const;
};

/// Spec: docker CLI "config.json" (auths, credsStore, credHelpers); containers-auth.json(5).
result<credential_file> parse_credential_file(std::string_view json);

/// The host that a key of such a file means: "https://index.docker.io/v1/" → "docker.io".
std::string domain_of_key(std::string_view key);

/// Asks `docker-credential-<name> get` for a server and waits at most `limit`; blocks. A helper
/// that knows nothing gives kind::none.
/// Spec: docker-credential-helpers "get".
result<credential> ask_credential_helper(const std::string& name, const std::string& domain,
                                         std::chrono::milliseconds limit);

struct credential_options {
    /// Only this file; else DOCKER_AUTH_CONFIG, $DOCKER_CONFIG/config.json, ~/.docker/config.json,
    /// and those of the podman family, the first that has something.
    std::string file = {};
    std::chrono::milliseconds helper_limit{10'000};
};

/// Finds credentials where `docker login` and `podman login` leave them. Files are read anew each
/// time, so that a login while we run counts.
class credential_store {
  public:
    credential_store(aio::pool& workers, credential_options options)
        : workers_(workers), options_(std::move(options)) {}

    awaitable<credential> find(std::string domain, std::string path);

  private:
    aio::pool& workers_;
    credential_options options_;
};

}  // namespace dm::upstream
