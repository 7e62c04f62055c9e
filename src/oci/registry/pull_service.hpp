#pragma once

#include <optional>
#include <string>

#include "content/store/content_store.hpp"
#include "http/server/router.hpp"
#include "oci/name_form.hpp"
#include "oci/registry/name_resolver.hpp"
#include "oci/registry/probe.hpp"
#include "oci/registry/route.hpp"

namespace dm::registry {

/// Answers of a page of tags at most, whatever the client asks for.
constexpr std::size_t tags_page_max = 1000;

/// The pull side of the distribution API, and `/health`. Manifests and blobs go out byte for byte
/// as they are stored: complete blobs with sendfile, those still arriving as they grow. Of the
/// latter the last byte is held back until the whole blob matches its digest; one that fails cuts
/// the connection. The store's blobs are served under any known name.
/// Spec: OCI distribution-spec v1.1 "Pull"; docker registry HTTP API v2.
class pull_service {
  public:
    /// Both outlive it.
    pull_service(store::content_store& store, name_resolver& names)
        : store_(store), names_(names) {}

    /// Adds its routes; it outlives the router.
    void mount(server::router& r);

    /// What a server for it needs: name, error shape, the API's version header.
    static server::options server_options();

  private:
    struct asked;
    struct document {
        crypto::digest digest;
        std::string media_type;
        bytes raw;
    };

    awaitable<void> handle(server::request& req, server::response_writer& out);
    awaitable<void> answer_manifest(asked a, server::request& req, server::response_writer& out);
    awaitable<void> answer_tags(asked a, server::request& req, server::response_writer& out);
    awaitable<void> answer_blob(asked a, server::request& req, server::response_writer& out);

    awaitable<void> require_known(asked a);
    awaitable<document> find_document(asked a);
    awaitable<std::optional<bytes>> read_manifest(crypto::digest d);
    awaitable<bool> is_coming(crypto::digest d);

    store::content_store& store_;
    name_resolver& names_;
    probe probe_;
};

}  // namespace dm::registry
