#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "content/store/content_store.hpp"
#include "http/server/request.hpp"
#include "http/server/response_writer.hpp"
#include "oci/manifest.hpp"
#include "oci/registry/asked.hpp"
#include "oci/registry/name_resolver.hpp"
#include "oci/registry/probe.hpp"
#include "oci/registry/publisher.hpp"
#include "oci/registry/repositories.hpp"
#include "oci/registry/upload_table.hpp"

namespace dm::registry {

/// Tags that one push of a manifest may set.
constexpr std::size_t tags_per_push_max = 64;
/// Disk space that an upload of unknown length takes at a time.
constexpr std::uint64_t upload_step_bytes = 64 << 20;

struct push_options {
    std::chrono::seconds upload_idle_max{600};  ///< an upload that nobody continues is over
    /// A blob that no manifest names may be evicted when it has been here for so long.
    std::chrono::seconds blob_waits_max{3600};
    std::chrono::seconds review_interval{30};
};

/// The push side of the distribution API: uploads, manifests, deletions. What is pushed under
/// "team/app" is the fleet's "mesh/team/app". A blob is in the repositories that it was pushed or
/// mounted to, once in the store. Uploads end with the process; everything answered 201 is durable.
/// Spec: OCI distribution-spec v1.1 "Push", "Content Management".
class push_service {
  public:
    /// All outlive it.
    push_service(executor ex, aio::pool& workers, store::content_store& store, repositories& known,
                 name_resolver& names, publisher& fleet, push_options o = {});

    void start();
    /// No request runs any more.
    awaitable<void> stop();

    /// Answers POST, PATCH, PUT and DELETE, and the GET of an upload. Throws denied where the name
    /// is not for pushes.
    awaitable<void> handle(asked a, server::request& req, server::response_writer& out);

    std::size_t uploads() const noexcept { return uploads_.size(); }

  private:
    // Blobs (push_service.cpp).
    awaitable<std::string> repository_for(const asked& a);
    awaitable<void> begin_upload(asked a, std::string repository, server::request& req,
                                 server::response_writer& out);
    awaitable<bool> mount(const asked& a, std::string repository, server::request& req,
                          server::response_writer& out);
    awaitable<void> append(asked a, std::string repository, server::request& req,
                           server::response_writer& out);
    awaitable<void> end_upload(asked a, std::string repository, server::request& req,
                               server::response_writer& out);
    awaitable<void> complete(const asked& a, upload_table::use session, crypto::digest d,
                             server::response_writer& out);
    awaitable<std::optional<error>> receive_if_met(upload_session& s, server::request& req);
    awaitable<void> receive(upload_session& s, server::request& req);
    awaitable<void> receive_some(upload_session& s, server::request& req,
                                 std::optional<std::uint64_t> size);
    awaitable<void> delete_blob(asked a, std::string repository, server::response_writer& out);
    awaitable<void> review();
    awaitable<void> keep_for_a_while(crypto::digest d);

    // Manifests (push_manifests.cpp).
    awaitable<void> put_manifest(asked a, std::string repository, server::request& req,
                                 server::response_writer& out);
    awaitable<void> check_blobs(std::string repository, oci::manifest m);
    awaitable<void> check_depth(std::string repository, oci::image_index i, std::size_t depth);
    awaitable<void> keep(crypto::digest d, oci::document what);
    awaitable<void> restore_pins();
    awaitable<std::optional<publication>> publish(std::string repository,
                                                  std::vector<std::string> tags, crypto::digest d,
                                                  server::header_list& headers);
    awaitable<void> delete_manifest(asked a, std::string repository, server::response_writer& out);

    aio::pool& workers_;
    store::content_store& store_;
    repositories& known_;
    name_resolver& names_;
    publisher& fleet_;
    push_options options_;
    probe probe_;
    upload_table uploads_;
    std::map<crypto::digest, steady_time> waiting_;  ///< blobs for a manifest, until when
    aio::task_group group_;
};

/// Pin of a blob that waits for its manifest.
std::string waiting_pin(const crypto::digest& d);

/// The name of a pushed image for the fleet: "mesh/team/app:1".
oci::reference fleet_name(const std::string& repository, const std::string& tag);

}  // namespace dm::registry
