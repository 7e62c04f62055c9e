#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "libp2p/yamux/errc.hpp"

namespace dm::yamux {

constexpr std::size_t header_size = 12;

enum class frame_type : std::uint8_t { data = 0, window_update = 1, ping = 2, go_away = 3 };

/// Flags of a frame, or-ed.
enum flags : std::uint16_t { syn = 1, ack = 2, fin = 4, rst = 8 };

/// Codes of go_away.
enum class goodbye : std::uint32_t { normal = 0, protocol_error = 1, internal_error = 2 };

/// The head of a frame; `length` is the size of the body of data, the delta of window_update, the
/// value of a ping or the code of go_away.
/// Spec: hashicorp/yamux "Framing".
struct frame_header {
    frame_type type = frame_type::data;
    std::uint16_t flags = 0;
    std::uint32_t stream = 0;
    std::uint32_t length = 0;
};

std::array<std::byte, header_size> encode(const frame_header& h) noexcept;
/// Error: malformed (version, type, or a stream id that does not fit the type).
result<frame_header> decode(std::span<const std::byte, header_size> data);

}  // namespace dm::yamux
