#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace dm::http {

struct header {
    std::string name;
    std::string value;

    friend bool operator==(const header&, const header&) = default;
};
using header_list = std::vector<header>;

/// The value of the first header of that name in any case; nullptr when there is none.
const std::string* find_header(const header_list& headers, std::string_view name) noexcept;

/// Trust and identity for https beyond the system's CAs.
struct tls_options {
    std::string ca_pem = {};  ///< certificates in PEM, trusted in addition to the system's
    std::string certificate_file = {};
    std::string key_file = {};
};

/// One request. HTTP/1.1 is spoken always: a paused HTTP/2 stream would be buffered here in full.
struct request {
    std::string method = "GET";
    std::string url = {};      ///< http or https
    header_list headers = {};  ///< Host, Content-Length and User-Agent are added
    std::string body = {};     ///< sent when not empty, or when the method is POST, PUT or PATCH
    std::string unix_socket = {};  ///< path of a socket to talk to instead of the URL's host

    /// 0: a redirect is an answer like any other. Credentials (`Authorization`, `Cookie`) are not
    /// sent to another origin; https never leads to http, nor a public host into a private network.
    int redirects_max = 0;

    std::chrono::milliseconds connect_timeout{10'000};  ///< name look-up and TLS included
    std::optional<std::chrono::milliseconds> total_timeout = {};
    /// Fails when fewer than `stall_bytes_per_second` came for this long (found within 5/4 of it)
    /// while we were not pausing ourselves; zero: never.
    std::chrono::milliseconds stall_timeout{30'000};
    std::uint64_t stall_bytes_per_second = 1;

    std::size_t body_bytes_max = 4 << 20;  ///< for client::fetch
    /// SO_RCVBUF of a new connection; 0: the kernel's choice. Small: little is lost on a kill.
    int receive_buffer_bytes = 0;
    std::shared_ptr<const tls_options> tls = {};
};

/// Status and headers of the final answer.
struct response_head {
    int status = 0;
    header_list headers = {};
    std::string url = {};  ///< where it came from in the end; may hold a signature: not for logs

    const std::string* find(std::string_view name) const noexcept {
        return find_header(headers, name);
    }
    /// Content-Length; nullopt when absent or unreadable.
    std::optional<std::uint64_t> content_length() const noexcept;
};

struct response {
    response_head head;
    std::string body;
};

/// Whole header section, as received.
constexpr std::size_t head_bytes_max = 64 << 10;

class multi;

/// Lets a paused transfer go on. A small value; harmless once the transfer is over, but not once
/// the client is gone. Loop thread only.
class flow_control {
  public:
    flow_control() = default;
    flow_control(multi& owner, std::uint64_t transfer) : owner_(&owner), transfer_(transfer) {}

    void resume();

  private:
    multi* owner_ = nullptr;
    std::uint64_t transfer_ = 0;
};

/// Takes an answer as it arrives. What it throws ends the transfer and is thrown by
/// client::stream.
class body_sink {
  public:
    virtual ~body_sink() = default;

    /// Once, before any body; of redirects that are followed nothing is seen.
    virtual void on_head(const response_head& head, flow_control flow) = 0;

    /// Takes all of `piece` (at most 16 KiB). False: nothing more comes before flow.resume().
    /// After that up to `receive_bytes` may come at once; a sink with room for less than that costs
    /// a copy of what it leaves.
    virtual bool on_body(byte_view piece) = 0;
};

/// Bytes that one read from a socket takes at most; held back here when the sink pauses.
constexpr std::size_t receive_bytes = 256 << 10;

}  // namespace dm::http
