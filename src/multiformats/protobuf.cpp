#include "multiformats/protobuf.hpp"

#include <limits>

namespace dm::multiformats {
namespace {

constexpr std::size_t proto_varint_bytes_max = 10;
constexpr std::uint64_t proto_number_max = (1u << 29) - 1;

void append_raw_varint(bytes& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        out.push_back(static_cast<std::byte>((value & 0x7f) | 0x80));
    out.push_back(static_cast<std::byte>(value));
}

std::uint64_t tag(std::uint32_t number, wire_type type) {
    return (std::uint64_t{number} << 3) | static_cast<std::uint8_t>(type);
}

}  // namespace

result<std::optional<proto_field>> proto_reader::next() {
    if (rest_.empty())
        return std::nullopt;
    const auto key = take_proto_varint(rest_);
    if (!key || *key >> 3 == 0 || *key >> 3 > proto_number_max)
        return fail(errc::malformed_protobuf);
    proto_field field;
    field.number = static_cast<std::uint32_t>(*key >> 3);
    field.type = static_cast<wire_type>(*key & 7);
    std::optional<std::uint64_t> value;
    switch (field.type) {
        case wire_type::varint:
        case wire_type::bytes:
            value = take_proto_varint(rest_);
            break;
        case wire_type::fixed64:
            value = take_fixed(8);
            break;
        case wire_type::fixed32:
            value = take_fixed(4);
            break;
    }
    if (!value)
        return fail(errc::malformed_protobuf);
    if (field.type != wire_type::bytes) {
        field.value = *value;
        return field;
    }
    if (*value > rest_.size())
        return fail(errc::malformed_protobuf);
    field.data = rest_.first(static_cast<std::size_t>(*value));
    rest_ = rest_.subspan(field.data.size());
    return field;
}

std::optional<std::uint64_t> proto_reader::take_fixed(std::size_t size) {
    if (rest_.size() < size)
        return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;)
        value = (value << 8) | to_u8(rest_[i]);
    rest_ = rest_.subspan(size);
    return value;
}

std::optional<std::uint64_t> take_proto_varint(byte_view& data) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < data.size() && i < proto_varint_bytes_max; ++i) {
        const auto b = to_u8(data[i]);
        if (i == proto_varint_bytes_max - 1 && b > 1)
            return std::nullopt;  // more than 64 bits
        value |= std::uint64_t{b & 0x7fu} << (7 * i);
        if (b < 0x80) {
            data = data.subspan(i + 1);
            return value;
        }
    }
    return std::nullopt;
}

void append_proto_varint(bytes& out, std::uint32_t number, std::uint64_t value) {
    append_raw_varint(out, tag(number, wire_type::varint));
    append_raw_varint(out, value);
}

void append_proto_fixed32(bytes& out, std::uint32_t number, std::uint32_t value) {
    append_raw_varint(out, tag(number, wire_type::fixed32));
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<std::byte>((value >> shift) & 0xff));
}

void append_proto_bytes(bytes& out, std::uint32_t number, byte_view data) {
    append_proto_header(out, number, data.size());
    append(out, data);
}

void append_proto_header(bytes& out, std::uint32_t number, std::uint64_t size) {
    append_raw_varint(out, tag(number, wire_type::bytes));
    append_raw_varint(out, size);
}

std::size_t proto_varint_size(std::uint64_t value) noexcept {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        ++size;
    return size;
}

}  // namespace dm::multiformats
