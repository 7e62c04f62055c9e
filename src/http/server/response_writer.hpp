#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "aio/awaitable.hpp"
#include "base/bytes.hpp"
#include "http/server/header_list.hpp"

namespace dm::server {

class connection;

/// Sends the one answer to a request: send, send_file, or start_stream + write… + end. For HEAD
/// the same calls send the same headers and no body. A client that takes nothing for the server's
/// write_timeout is dropped: the call throws, and so do all that follow.
/// Framing headers (Content-Length, Transfer-Encoding, Connection, Date) are not the caller's.
class response_writer {
  public:
    explicit response_writer(connection& to) : to_(to) {}
    response_writer(const response_writer&) = delete;
    response_writer& operator=(const response_writer&) = delete;

    awaitable<void> send(int status, header_list headers, std::string body);

    /// Sends `length` bytes of an open file from `offset` with sendfile(2). The descriptor must
    /// stay open until this has returned.
    awaitable<void> send_file(int status, header_list headers, int file, std::uint64_t offset,
                              std::uint64_t length);

    /// Sends the headers; the body follows by write(). Without a length it is chunked.
    awaitable<void> start_stream(int status, header_list headers,
                                 std::optional<std::uint64_t> content_length = std::nullopt);
    awaitable<void> write(byte_view data);
    /// A piece of the body out of an open file, with sendfile(2).
    awaitable<void> write_file(int file, std::uint64_t offset, std::uint64_t length);
    /// Ends the body. A handler that returns or throws without this cuts the connection, so that
    /// the client sees that something is missing.
    awaitable<void> end();

    /// Drops the connection at once; pending and later calls throw.
    void abort() noexcept;

    /// Whether the status line has been sent: from then on failures can only cut the connection.
    bool started() const noexcept;

    /// For answers without end: `f` is called once when the server stops, at once if it already
    /// does. It only wakes the handler, which then returns.
    void on_stop(std::function<void()> f);

  private:
    connection& to_;
};

}  // namespace dm::server
