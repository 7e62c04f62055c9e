#pragma once

#include <memory>
#include <string>

#include "aio/byte_stream.hpp"
#include "aio/pool.hpp"

struct ssl_ctx_st;

namespace dm::aio {

/// The certificate and key of a TLS server. TLS 1.2 and newer.
class tls_identity {
  public:
    /// PEM files: the certificate with its chain, and its key. Blocks; throws failure with one
    /// sentence that names the file.
    tls_identity(const std::string& certificate_file, const std::string& key_file);

    ssl_ctx_st* context() const noexcept { return context_.get(); }

  private:
    struct closer {
        void operator()(ssl_ctx_st* c) const noexcept;
    };
    std::unique_ptr<ssl_ctx_st, closer> context_;
};

/// Serves TLS over a stream: returns when the client has agreed. Both outlive the result. Throws
/// failure when the client speaks something else.
/// Spec: RFC 8446, RFC 5246.
awaitable<std::unique_ptr<byte_stream>> accept_tls(std::unique_ptr<byte_stream> over,
                                                   const tls_identity& as, pool& workers);

}  // namespace dm::aio
