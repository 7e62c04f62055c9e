#pragma once

#include <optional>
#include <string>

#include "content/store/content_store.hpp"
#include "http/server/host_guard.hpp"
#include "http/server/router.hpp"
#include "oci/registry/asked.hpp"
#include "oci/registry/name_resolver.hpp"
#include "oci/registry/probe.hpp"
#include "oci/registry/push_service.hpp"

namespace dm::registry {

/// Bytes of a list of referrers at most; there is another page where they do not suffice.
constexpr std::size_t referrers_bytes_max = 2 << 20;

/// What has been pushed to this node, for the pull side.
struct pushed_content {
    repositories& known;
    push_service& service;
    aio::pool& workers;
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
                 std::optional<pushed_content> pushed = {})
        : store_(store), names_(names), pushed_(pushed) {}

    /// Adds its routes; it outlives the router.
    void mount(server::router& r);

    /// What a server for it needs: name, error shape, the API's version header.
    static server::options server_options();

  private:
    struct document {
        crypto::digest digest;
        std::string media_type;
        bytes raw;
    };

    awaitable<void> handle(server::request& req, server::response_writer& out);
    awaitable<void> change(server::request& req, server::response_writer& out);
    awaitable<void> answer_manifest(asked a, server::request& req, server::response_writer& out);
    awaitable<void> answer_blob(asked a, server::request& req, server::response_writer& out);

    awaitable<void> require_known(const asked& a);
    awaitable<void> require_blob(const asked& a, const crypto::digest& d);
    awaitable<std::optional<pushed_manifest>> find_pushed(const asked& a);
    awaitable<document> find_document(asked a);
    awaitable<std::optional<bytes>> read_manifest(crypto::digest d);
    awaitable<bool> is_coming(crypto::digest d);

    // Lists (lists.cpp).
    awaitable<void> answer_tags(asked a, server::request& req, server::response_writer& out);
    awaitable<void> answer_catalog(server::request& req, server::response_writer& out);
    awaitable<void> answer_referrers(asked a, server::request& req, server::response_writer& out);

    store::content_store& store_;
    name_resolver& names_;
    std::optional<pushed_content> pushed_;
    server::host_guard guard_;
    probe probe_;
};

}  // namespace dm::registry
