#include "libp2p/yamux/frame.hpp"

namespace dm::yamux {
namespace {

constexpr std::uint8_t version = 0;

std::uint32_t read_u32(byte_view data) noexcept {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i)
        out = out << 8 | to_u8(data[i]);
    return out;
}

void write_u32(std::byte* out, std::uint32_t value) noexcept {
    for (int i = 0; i < 4; ++i)
        out[i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

}  // namespace

std::array<std::byte, header_size> encode(const frame_header& h) noexcept {
    std::array<std::byte, header_size> out;
    out[0] = std::byte{version};
    out[1] = static_cast<std::byte>(h.type);
    out[2] = static_cast<std::byte>(h.flags >> 8);
    out[3] = static_cast<std::byte>(h.flags);
    write_u32(out.data() + 4, h.stream);
    write_u32(out.data() + 8, h.length);
    return out;
}

result<frame_header> decode(std::span<const std::byte, header_size> data) {
    if (to_u8(data[0]) != version)
        return fail(errc::malformed, "an unknown version");
    if (to_u8(data[1]) > static_cast<std::uint8_t>(frame_type::go_away))
        return fail(errc::malformed, "an unknown type");
    frame_header out;
    out.type = static_cast<frame_type>(data[1]);
    out.flags = static_cast<std::uint16_t>(to_u8(data[2]) << 8 | to_u8(data[3]));
    out.stream = read_u32(data.subspan<4, 4>());
    out.length = read_u32(data.subspan<8, 4>());
    const bool of_session = out.type == frame_type::ping || out.type == frame_type::go_away;
    if (of_session != (out.stream == 0))
        return fail(errc::malformed, "a stream id that does not fit the type");
    return out;
}

}  // namespace dm::yamux
