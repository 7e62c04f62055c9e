#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "aio/tls.hpp"
#include "http/server/problem.hpp"
#include "http/server/request.hpp"
#include "http/server/response_writer.hpp"

namespace dm::server {

using handler = std::function<awaitable<void>(request&, response_writer&)>;

struct options {
    std::string name = "http";  ///< in logs and metrics: "api", "registry"

    std::size_t head_bytes_max = 64 << 10;
    std::size_t connections_max = 512;  ///< further ones wait to be accepted; idle ones make room
    std::size_t requests_per_connection_max = 10'000;

    std::chrono::milliseconds header_timeout{10'000};  ///< from its first byte, or from accept
    std::chrono::milliseconds idle_timeout{75'000};    ///< between requests
    std::chrono::milliseconds body_timeout{30'000};
    std::chrono::milliseconds write_timeout{
        60'000};  ///< for a slice: 64 KiB of a slow client's, 8 MiB of a fast one's
    std::chrono::milliseconds linger_timeout{2'000};  ///< for the client to read a refusal
    std::chrono::milliseconds stop_grace{5'000};

    /// Connections that are accepted speak TLS; it outlives the server.
    const aio::tls_identity* tls = nullptr;
    header_list common_headers = {};  ///< added to every answer
    error_body describe = json_error_body;
};

}  // namespace dm::server
