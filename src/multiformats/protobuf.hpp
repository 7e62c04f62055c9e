#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "multiformats/errc.hpp"

namespace dm::multiformats {

enum class wire_type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// One field of a protobuf message; `data` points into the message.
struct proto_field {
    std::uint32_t number = 0;
    wire_type type = wire_type::varint;
    std::uint64_t value = 0;  ///< of varint, fixed64 and fixed32
    byte_view data;           ///< of bytes
};

/// Walks the fields of a protobuf message in the order of the wire, without allocating. Groups
/// are refused.
/// Spec: protobuf encoding; varints have up to 10 bytes and need not be minimal here.
class proto_reader {
  public:
    explicit proto_reader(byte_view message) : rest_(message) {}

    /// The next field; nullopt at the end. Error: malformed_protobuf.
    result<std::optional<proto_field>> next();
    /// The bytes not yet read.
    byte_view rest() const noexcept { return rest_; }

  private:
    std::optional<std::uint64_t> take_fixed(std::size_t size);

    byte_view rest_;
};

/// Calls `take` for each field, a result<void>, until it fails. What is no protobuf fails with
/// `malformed`, an errc of the caller's.
template <class Errc, class Take>
result<void> for_each_field(byte_view message, Errc malformed, Take take) {
    proto_reader reader(message);
    for (;;) {
        const auto field = reader.next();
        if (!field)
            return fail(malformed, field.error().message());
        if (!*field)
            return {};
        if (auto ok = take(**field); !ok)
            return ok;
    }
}

/// Fails with `malformed`, an errc of the caller's, unless the field has the type.
template <class Errc>
result<void> expect_type(const proto_field& field, wire_type type, Errc malformed) {
    if (field.type != type)
        return fail(malformed, "a field has the wrong type");
    return {};
}

/// Reads a varint from the front of `data` and moves `data` past it; nullopt when it is broken or
/// over 64 bits. For packed fields.
std::optional<std::uint64_t> take_proto_varint(byte_view& data);

/// These append one field: its tag and its value. Varints are minimal.
void append_proto_varint(bytes& out, std::uint32_t number, std::uint64_t value);
void append_proto_fixed32(bytes& out, std::uint32_t number, std::uint32_t value);
void append_proto_bytes(bytes& out, std::uint32_t number, byte_view data);
/// Only the tag and the length of a bytes field; the caller appends `size` bytes.
void append_proto_header(bytes& out, std::uint32_t number, std::uint64_t size);

/// Bytes that a varint of 64 bits takes, 1..10.
std::size_t proto_varint_size(std::uint64_t value) noexcept;

}  // namespace dm::multiformats
