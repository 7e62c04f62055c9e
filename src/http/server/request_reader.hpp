#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "http/server/chunk_decoder.hpp"
#include "http/server/errc.hpp"
#include "http/server/header_list.hpp"
#include "http/server/target.hpp"

namespace dm::server {

constexpr std::size_t header_fields_max = 256;
/// Of a body that is read in large pieces, as many bytes are taken off the connection at once.
constexpr std::size_t body_buffer_bytes_max = 256 << 10;

/// A request line and its headers.
struct request_head {
    std::string method;
    target where;
    header_list headers;
    std::optional<std::uint64_t> content_length;
    bool keep_alive = false;          ///< the client can take another answer on this connection
    bool understands_chunks = false;  ///< HTTP/1.1
    bool expects_continue = false;
};

/// Turns bytes, as they arrive, into request heads and body bytes, one request after the other.
/// No I/O: the owner reads into space(), says added(n), and asks. After an error nothing more can
/// be read from the connection.
/// Spec: RFC 9112 (HTTP/1.0 and 1.1).
class request_reader {
  public:
    /// A longer head is `head_too_large`.
    explicit request_reader(std::size_t head_bytes_max);

    /// Where the next bytes go; never empty while next_head or next_body ask for more. In a body
    /// as many as `wanted`, if that is no more than body_buffer_bytes_max.
    std::span<std::byte> space(std::size_t wanted = 0);
    void added(std::size_t n) noexcept { end_ += n; }
    /// Whether there are bytes that no head or body has taken.
    bool has_input() const noexcept { return begin_ < end_; }

    /// The head of the next request; nullopt while it is incomplete. Only after body_done().
    result<std::optional<request_head>> next_head();

    /// Moves body bytes into `into`; 0 means that body_done(), or that more input is needed.
    result<std::size_t> next_body(std::span<std::byte> into);
    /// Whether the current request has been read to its end; true before the first.
    bool body_done() const noexcept;

  private:
    result<request_head> parse_head(std::size_t size);
    std::string_view input() const noexcept;

    std::size_t head_bytes_max_;
    bytes buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t searched_ = 0;     ///< bytes of the input that hold no end of a head
    std::uint64_t body_left_ = 0;  ///< of a body with a length
    std::optional<chunk_decoder> chunks_;
};

}  // namespace dm::server
