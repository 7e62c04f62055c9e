#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "aio/awaitable.hpp"
#include "base/bytes.hpp"

namespace dm::aio {

/// A two-way stream of bytes: a socket, TLS over one, a pipe in memory. One read and one write at a
/// time.
class byte_stream {
  public:
    virtual ~byte_stream() = default;

    /// Reads 1..into.size() bytes; 0 means the other side has finished.
    virtual awaitable<std::size_t> read_some(std::span<std::byte> into) = 0;

    /// Writes all of it.
    virtual awaitable<void> write(byte_view data) = 0;

    /// Writes `length` bytes of an open file from `offset`; throws if the file is shorter.
    virtual awaitable<void> send_file(int file, std::uint64_t offset, std::uint64_t length) = 0;

    /// Says that nothing more will be written; reading stays possible.
    virtual void shutdown_write() noexcept = 0;

    /// Ends both directions at once; pending operations fail.
    virtual void close() noexcept = 0;

    /// For logs: "127.0.0.1:3000".
    virtual std::string peer() const = 0;
};

/// Two connected streams in memory; what one writes the other reads. At most `capacity` bytes are
/// buffered a way.
std::pair<std::unique_ptr<byte_stream>, std::unique_ptr<byte_stream>> memory_pipe(
    executor ex, std::size_t capacity = 64 * 1024);

}  // namespace dm::aio
