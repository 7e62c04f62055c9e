#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aio/pool.hpp"
#include "base/rng.hpp"
#include "http/client/client.hpp"
#include "oci/descriptor.hpp"
#include "oci/reference.hpp"
#include "oci/upstream/authenticator.hpp"
#include "oci/upstream/blob_sink.hpp"
#include "oci/upstream/credentials.hpp"
#include "oci/upstream/endpoint.hpp"
#include "oci/upstream/retry.hpp"
#include "oci/upstream/trust.hpp"

namespace dm::upstream {

struct options {
    mapping upstreams = {};
    std::string ca_file = {};  ///< trusted for all registries, beside the system's CAs
    std::string certs_dir = "/etc/docker/certs.d";
    credential_options credentials = {};
    std::vector<std::string> trusted_realms = {};
    retry_options retry = {};
    milliseconds connect_timeout{10'000};
    milliseconds stall_timeout{30'000};     ///< for blobs; see http::request
    milliseconds answer_timeout{15'000};    ///< the same for manifests
    milliseconds manifest_timeout{60'000};  ///< a manifest is small
    int blob_receive_buffer_bytes = 0;      ///< see http::request
    std::uint64_t seed = 0;
};

/// Where an image lives: registry and repository.
struct repository {
    std::string domain;  ///< "docker.io"
    std::string path;    ///< "library/busybox"

    static repository of(const oci::reference& image) { return {image.domain, image.path}; }
    std::string to_string() const { return domain + '/' + path; }
};

/// What a name means at its registry right now, as the registry says.
struct resolved {
    crypto::digest digest;
    std::string media_type;  ///< Content-Type as sent
    std::uint64_t size = 0;  ///< bytes of the manifest
};

struct fetched_manifest {
    crypto::digest digest;
    std::string media_type;  ///< Content-Type as sent; may be empty
    std::string raw;         ///< exact bytes, which hash to `digest`
};

/// What the registry said last about how many requests it still allows.
struct rate_limit {
    std::uint64_t remaining = 0;
    std::string window = {};  ///< as sent: "w=21600"
};

/// One request of a push.
struct push_step {
    std::string method;
    std::string where;  ///< below the repository ("blobs/uploads/"), or a Location as answered
    http::header_list headers = {};
    std::string body = {};
    std::string text = {};  ///< for sentences: "blob sha256:…"
};

/// Pulls from v2 registries, any number of them. Failures are `failure` with upstream::errc and a
/// sentence that names registry and image. What may work on a second try is tried again with
/// growing, jittered pauses; a registry that keeps failing is left alone for a while, and the
/// error says how long.
/// Spec: OCI distribution-spec v1.1 "Pull".
class registry_client {
  public:
    /// `http` and `workers` outlive it, and so it does its calls.
    registry_client(http::client& http, aio::pool& workers, options opts);
    registry_client(const registry_client&) = delete;
    registry_client& operator=(const registry_client&) = delete;
    ~registry_client();

    /// HEAD, which no rate limit counts; GET where the registry's HEAD does not say enough.
    awaitable<resolved> resolve(const oci::reference& image);

    /// By digest if `image` has one, else by tag; at most oci::manifest_bytes_max bytes, checked
    /// against the digest asked for or announced.
    awaitable<fetched_manifest> manifest(const oci::reference& image);
    awaitable<fetched_manifest> manifest(repository where, crypto::digest digest);

    /// Bytes `offset`..size of a blob into `sink`, which outlives the call. Connections that break
    /// are taken up where they broke, as long as that gets on. The length is checked; the digest is
    /// not: whoever stores the bytes hashes them.
    awaitable<void> blob(repository where, oci::descriptor what, std::uint64_t offset,
                         blob_sink& sink);

    /// Carries out one step of a push and returns the head of the answer, which is a success; a
    /// Location at another host is not followed. exchange_failed::status tells refusals apart.
    /// Spec: OCI distribution-spec v1.1 "Push".
    awaitable<http::response_head> push(repository where, push_step step);

    /// nullopt: it never said, which means no limit.
    std::optional<rate_limit> limit_of(const std::string& domain) const;

    static constexpr std::size_t hosts_max = 256;
    static constexpr int redirects_max = 10;
    /// A registry that moves a large blob to its place says nothing meanwhile.
    static constexpr std::chrono::minutes push_silence_max{10};
    /// A registry that hangs is not asked as often as one that answers.
    static constexpr int hanging_attempts_max = 2;
    /// Progress that counts: a server must not keep us busy with a byte a connection.
    static constexpr std::uint64_t progress_bytes_min = 64 << 10;

  private:
    struct host;
    struct call;
    class host_use;

    host& host_of(const std::string& domain);
    awaitable<http::response> insist(call* c);
    awaitable<http::response> authorized(call* c);
    awaitable<http::response> exchange(call* c, http::request request);
    awaitable<void> pause_or_throw(const call* c, retry_state* retry, exchange_failed why);
    awaitable<resolved> resolve_by_head(oci::reference image);
    awaitable<fetched_manifest> get_manifest(repository where, std::string selector,
                                             std::optional<crypto::digest> expected);
    awaitable<void> download(repository where, oci::descriptor what, std::uint64_t offset,
                             blob_sink* sink);
    void check_not_blocked(const call& c) const;
    http::request request_for(const call& c, const char* method, const std::string& rest) const;

    http::client& http_;
    options options_;
    credential_store credentials_;
    trust_store trust_;
    authenticator auth_;
    rng random_;
    std::map<std::string, std::unique_ptr<host>> hosts_;
};

}  // namespace dm::upstream
