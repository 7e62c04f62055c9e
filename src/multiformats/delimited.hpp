#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "multiformats/errc.hpp"

namespace dm::multiformats {

/// Cuts a stream of `uvarint(length) ‖ message` into messages, one at a time. Memory grows with the
/// bytes that have come, not with the length that is announced.
/// Spec: libp2p "varint-delimited"; kad, bitswap, identify and gossipsub frame messages so.
class delimited_reader {
  public:
    /// A longer message is too_long.
    explicit delimited_reader(std::size_t message_bytes_max) : max_(message_bytes_max) {}

    /// Takes bytes up to the end of one message at most, and says how many: feed() the rest after
    /// take(). Errors: too_long, malformed_varint. After an error the stream is of no more use.
    result<std::size_t> feed(byte_view data);

    /// The message, once all of it is there.
    std::optional<bytes> take();

    /// Bytes of the message that is being read, as its sender says; 0 between messages.
    std::size_t announced_bytes() const noexcept { return size_.value_or(0); }
    /// Whether the stream may end here without losing anything.
    bool is_between_messages() const noexcept { return header_.empty() && !size_; }

  private:
    std::size_t max_;
    bytes header_;
    std::optional<std::size_t> size_;
    bytes message_;
};

/// Appends `message` as such a stream has it.
void append_delimited(bytes& out, byte_view message);

}  // namespace dm::multiformats
