#pragma once

#include <optional>
#include <string>

#include "content/store/content_store.hpp"
#include "http/access/guard.hpp"
#include "http/server/host_guard.hpp"
#include "http/server/router.hpp"
#include "oci/registry/asked.hpp"
#include "oci/registry/blob_answer.hpp"
#include "oci/registry/name_resolver.hpp"
#include "oci/registry/probe.hpp"
#include "oci/registry/push_service.hpp"

namespace dm::registry {

/// Fetches of a blob that one answer waits for, one after the other has failed.
constexpr std::size_t attempts_max = 4;

/// Bytes of a list of referrers at most; there is another page where they do not suffice.
constexpr std::size_t referrers_bytes_max = 2 << 20;

/// What has been pushed to this node, for the pull side.
struct pushed_content {
    repositories& known;
    push_service& service;
    aio::pool& workers;
};

/// Who may do what. A repository is called as it was pushed ("team/app"), an image of another
/// registry in full ("docker.io/library/busybox"). The engine on this machine may read images by
/// their root without saying who it is.
struct access_policy {
    access::guard& guard;
    access::rule_list rules;
};

struct pull_options {
    /// Names without a host are of Docker Hub, as dockerd means them when it asks a mirror.
    bool as_mirror = false;
    std::optional<access_policy> access = {};
    /// Told where in an arriving blob clients wait, so that what they need next comes first.
    blob_answer::waiting_listener waiting = {};
};

/// The pull side of the distribution API, and `/health`. Manifests and blobs go out byte for byte
/// as they are stored: complete blobs with sendfile, those still arriving as they grow. Of the
/// latter the last byte is held back until the whole blob matches its digest; one that fails cuts
/// the connection. Of a repository that was pushed its own blobs are served, under any other known
/// name the store's.
/// Spec: OCI distribution-spec v1.1 "Pull"; docker registry HTTP API v2.
class pull_service {
  public:
    /// All outlive it. Without pushed content it is a registry to pull from only.
    pull_service(store::content_store& store, name_resolver& names,
                 std::optional<pushed_content> pushed = {}, pull_options o = {})
        : store_(store),
          names_(names),
          pushed_(pushed),
          options_(std::move(o)),
          guard_(options_.access ? server::host_guard::of_any_name() : server::host_guard()) {}

    /// Adds its routes; it outlives the router.
    void mount(server::router& r);

    /// What a server for it needs: name, error shape, the API's version header.
    static server::options server_options();

  private:
    struct document {
        crypto::digest digest;
        std::string media_type;
        bytes raw;
        bool stale = false;
        std::string source = "store";
    };

    awaitable<void> handle(server::request& req, server::response_writer& out);
    awaitable<void> change(server::request& req, server::response_writer& out);
    awaitable<void> answer_manifest(asked a, server::request& req, server::response_writer& out);
    awaitable<void> answer_blob(asked a, server::request& req, server::response_writer& out);

    std::optional<asked> read_request(const server::request& req) const;
    awaitable<void> admit(const server::request& req, const asked* a);
    awaitable<void> require_known(const asked& a);
    awaitable<void> require_reachable(const asked& a);
    awaitable<void> require_blob(const asked& a, const crypto::digest& d);
    awaitable<void> keep_apart(const asked& a, const crypto::digest& d);
    awaitable<std::optional<pushed_manifest>> find_pushed(const asked& a);
    awaitable<document> find_document(asked a);
    awaitable<bool> read_manifest(const asked& a, document& into);
    awaitable<bool> is_coming(const asked& a, const crypto::digest& d);
    awaitable<resolved_tag> resolve(const asked& a);

    // Lists (lists.cpp).
    awaitable<void> answer_tags(asked a, server::request& req, server::response_writer& out);
    awaitable<void> answer_catalog(server::request& req, server::response_writer& out);
    awaitable<void> answer_referrers(asked a, server::request& req, server::response_writer& out);

    store::content_store& store_;
    name_resolver& names_;
    std::optional<pushed_content> pushed_;
    pull_options options_;
    server::host_guard guard_;
    probe probe_;
};

}  // namespace dm::registry
