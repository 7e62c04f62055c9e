#pragma once

#include "aio/awaitable.hpp"
#include "aio/byte_stream.hpp"
#include "base/result.hpp"
#include "mesh/crdt/errc.hpp"
#include "multiformats/delimited.hpp"

namespace dm::crdt {

/// The length-prefixed messages of a stream, which outlives this.
class messages {
  public:
    messages(aio::byte_stream& from, std::size_t bytes_max) : from_(from), reader_(bytes_max) {}

    /// nullopt at the end. Errors: malformed_block where the stream ends within a message, those of
    /// delimited_reader.
    awaitable<std::optional<bytes>> next() {
        for (;;) {
            while (!rest_.empty()) {
                rest_ = rest_.subspan(value_or_throw(reader_.feed(rest_)));
                if (auto m = reader_.take())
                    co_return m;
            }
            buffer_.resize(read_bytes);
            const auto n = co_await from_.read_some(buffer_);
            if (n == 0 && !reader_.is_between_messages())
                raise(errc::malformed_block, "the stream ends within a block");
            if (n == 0)
                co_return std::nullopt;
            rest_ = byte_view(buffer_).first(n);
        }
    }

  private:
    static constexpr std::size_t read_bytes = 64 * 1024;

    aio::byte_stream& from_;
    multiformats::delimited_reader reader_;
    bytes buffer_;
    byte_view rest_;
};

}  // namespace dm::crdt
