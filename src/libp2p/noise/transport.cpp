#include "libp2p/noise/transport.hpp"

#include <cassert>

namespace dm::noise {

void transport::seal(byte_view plain, std::span<std::byte> out) {
    assert(plain.size() <= frame_plain_max && out.size() == plain.size() + frame_overhead);
    const auto length = out.size() - 2;
    keys_.send.seal(sent_++, {}, plain, out.subspan(2));
    out[0] = static_cast<std::byte>(length >> 8);
    out[1] = static_cast<std::byte>(length);
}

result<std::optional<transport::frame>> transport::open(std::span<std::byte> data) {
    if (data.size() < 2)
        return std::optional<frame>{};
    const auto length = static_cast<std::size_t>(to_u8(data[0]) << 8 | to_u8(data[1]));
    if (length < crypto::chacha20_poly1305::tag_size)
        return fail(errc::malformed, "a frame is shorter than its tag");
    if (data.size() < 2 + length)
        return std::optional<frame>{};
    const auto sealed = data.subspan(2, length);
    const auto plain = sealed.first(length - crypto::chacha20_poly1305::tag_size);
    if (!keys_.receive.open(received_++, {}, sealed, plain))
        return fail(errc::not_authentic);
    return std::optional(frame{plain, 2 + length});
}

}  // namespace dm::noise
