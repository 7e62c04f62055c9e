#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "aio/pool.hpp"
#include "http/client/client.hpp"
#include "oci/transport/image_end.hpp"
#include "oci/upstream/registry_client.hpp"

namespace dm::transport {

/// A blob is sent in pieces of this size, so that memory does not depend on it.
constexpr std::size_t push_piece_bytes = 4 << 20;

/// A registry client with a loop of its own, for code that blocks. Credentials are those of
/// `docker login`.
class registry_session {
  public:
    explicit registry_session(upstream::options o);
    registry_session(const registry_session&) = delete;
    registry_session& operator=(const registry_session&) = delete;
    ~registry_session();

    upstream::registry_client& client() noexcept { return client_; }
    /// Runs the loop until it has ended.
    template <class T>
    T run(awaitable<T> work);

  private:
    asio::io_context loop_;
    aio::pool workers_;
    http::client http_;
    upstream::registry_client client_;
};

/// `name` has a tag or digest.
std::unique_ptr<image_reader> read_registry(std::unique_ptr<registry_session> with,
                                            oci::reference name);

/// The image gets `name`'s tag; without one it is there by digest only.
std::unique_ptr<image_writer> write_registry(std::unique_ptr<registry_session> with,
                                             oci::reference name);

/// Deletes these manifests from the repository; one that is not there is fine.
void delete_from_registry(registry_session& with, const upstream::repository& where,
                          const std::vector<crypto::digest>& documents);

}  // namespace dm::transport
