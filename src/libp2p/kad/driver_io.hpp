#pragma once

#include "aio/byte_stream.hpp"
#include "libp2p/kad/message.hpp"
#include "multiformats/delimited.hpp"

namespace dm::kad {

/// Reads messages from a stream, which outlives it.
class message_reader {
  public:
    message_reader(aio::byte_stream& from, std::size_t bytes_max)
        : from_(from), reader_(bytes_max) {}

    /// nullopt at the end of the stream. Throws malformed_message and what reading throws.
    awaitable<std::optional<message>> next();

  private:
    aio::byte_stream& from_;
    multiformats::delimited_reader reader_;
    bytes buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

awaitable<void> write_message(aio::byte_stream& to, const message& m);

}  // namespace dm::kad
