#pragma once

#include <string>
#include <vector>

#include "aio/byte_stream.hpp"
#include "libp2p/multistream/negotiation.hpp"

namespace dm::host {

/// Agrees on one of `protocols` with the side that answers, reading not a byte more than needed.
/// Throws protocol_refused, and those of multistream and the stream.
awaitable<std::string> propose(aio::byte_stream& on, std::vector<std::string> protocols);

/// The answering side. Throws those of multistream and the stream.
awaitable<std::string> answer(aio::byte_stream& on, multistream::negotiation::accepts known);

constexpr std::size_t message_bytes_default_max = 4 << 20;

/// A message behind its length as a varint, as most protocols of libp2p frame them; nullopt at the
/// end of the stream. Throws aio::errc::too_much_data over `size_max`, end_of_stream within one.
awaitable<std::optional<bytes>> read_message(aio::byte_stream& from,
                                             std::size_t size_max = message_bytes_default_max);
awaitable<void> write_message(aio::byte_stream& to, bytes message);

}  // namespace dm::host
