#pragma once

#include <map>
#include <memory>
#include <string>

#include "aio/pool.hpp"
#include "http/client/request.hpp"

namespace dm::upstream {

constexpr std::size_t ca_bytes_max = 1 << 20;

/// What to trust beyond the system's CAs, read from `ca_file` (if any) and Docker's
/// `<certs_dir>/<host[:port]>/`: *.crt are CAs, *.cert with *.key our own identity. nullptr:
/// nothing. Throws failure (bad_credentials) that names the file; blocks. Spec: Docker "Verify
/// repository client with certificates".
std::shared_ptr<const http::tls_options> read_trust(const std::string& ca_file,
                                                    const std::string& certs_dir,
                                                    const std::string& host);

/// Reads trust on the pool, once a host until it is forgotten.
class trust_store {
  public:
    trust_store(aio::pool& workers, std::string ca_file, std::string certs_dir)
        : workers_(workers), ca_file_(std::move(ca_file)), certs_dir_(std::move(certs_dir)) {}

    awaitable<std::shared_ptr<const http::tls_options>> find(std::string host);
    /// After a TLS failure: an operator may put a CA in place while we run.
    void forget(const std::string& host) { known_.erase(host); }

    static constexpr std::size_t hosts_max = 256;

  private:
    aio::pool& workers_;
    std::string ca_file_;
    std::string certs_dir_;
    std::map<std::string, std::shared_ptr<const http::tls_options>> known_;
};

}  // namespace dm::upstream
