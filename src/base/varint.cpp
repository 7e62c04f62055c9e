#include "base/varint.hpp"

#include <cassert>

namespace dm {

void append_varint(bytes& out, std::uint64_t value) {
    assert(value < (std::uint64_t{1} << 63));
    while (value >= 0x80) {
        out.push_back(static_cast<std::byte>((value & 0x7f) | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<std::byte>(value));
}

std::expected<varint_read, varint_error> read_varint(byte_view data) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < data.size() && i < varint_bytes_max; ++i) {
        const auto b = to_u8(data[i]);
        value |= std::uint64_t{b & 0x7fu} << (7 * i);
        if (b < 0x80) {
            if (b == 0 && i > 0)
                return std::unexpected(varint_error::malformed);
            return varint_read{value, i + 1};
        }
    }
    return std::unexpected(data.size() < varint_bytes_max ? varint_error::incomplete
                                                          : varint_error::malformed);
}

}  // namespace dm
