#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aio/awaitable.hpp"
#include "base/bytes.hpp"
#include "http/server/request_reader.hpp"

namespace dm::server {

class connection;

/// One request as its handler sees it; lives as long as the handler runs.
class request {
  public:
    request(request_head head, std::string peer, connection& from)
        : head_(std::move(head)), peer_(std::move(peer)), from_(from) {}
    request(const request&) = delete;
    request& operator=(const request&) = delete;

    /// "GET"; "HEAD" is answered by GET handlers too.
    const std::string& method() const noexcept { return head_.method; }
    const target& where() const noexcept { return head_.where; }
    const header_list& headers() const noexcept { return head_.headers; }
    /// Names where the client is: "127.0.0.1:51234".
    const std::string& peer() const noexcept { return peer_; }
    std::optional<std::uint64_t> content_length() const noexcept { return head_.content_length; }
    /// Whether the message has a body, of known length or chunked; it may turn out empty.
    bool has_body() const noexcept;
    /// What the host part of the URL was, as the client wrote it.
    std::string_view host() const noexcept;

    /// What a router's pattern captured as ":name" or "*name"; it must be one of the pattern's.
    const std::string& parameter(std::string_view name) const;
    void set_parameter(std::string name, std::string value);

    /// The whole body, at most `bytes_max`. A longer one throws `body_too_large`, at once when its
    /// length was announced; one that takes longer than the server's body_timeout
    /// `request_timeout`.
    awaitable<bytes> body(std::size_t bytes_max);

    /// The next body bytes, 0 at the end; each must arrive within the server's body_timeout.
    awaitable<std::size_t> read_body_some(std::span<std::byte> into);

  private:
    friend class connection;

    request_head head_;
    std::string peer_;
    connection& from_;
    std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace dm::server
