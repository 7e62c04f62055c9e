#include "multiformats/protobuf.hpp"

#include <gtest/gtest.h>

#include "base/hex_for_test.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

/// Whether every field of the message can be read.
bool is_readable(const char* hex) {
    const auto message = unhex(hex);
    proto_reader reader(message);
    for (;;) {
        const auto field = reader.next();
        if (!field)
            return false;
        if (!*field)
            return true;
    }
}

}  // namespace

TEST(protobuf, reads_every_wire_type) {
    const auto message = unhex(
        "089601"
        "1203616263"
        "1d01000000"
        "210200000000000000");
    proto_reader reader(message);
    auto field = **reader.next();
    EXPECT_EQ(field.number, 1u);
    EXPECT_EQ(field.value, 150u);
    field = **reader.next();
    EXPECT_EQ(field.number, 2u);
    EXPECT_EQ(as_chars(field.data), "abc");
    field = **reader.next();
    EXPECT_EQ(field.type, wire_type::fixed32);
    EXPECT_EQ(field.value, 1u);
    field = **reader.next();
    EXPECT_EQ(field.type, wire_type::fixed64);
    EXPECT_EQ(field.value, 2u);
    EXPECT_FALSE(reader.next()->has_value());
}

TEST(protobuf, writes_what_it_reads) {
    bytes out;
    append_proto_varint(out, 1, UINT64_MAX);
    append_proto_bytes(out, 1000, as_bytes("x"));
    EXPECT_EQ(to_hex(out),
              "08ffffffffffffffffff01"
              "c23e0178");
    proto_reader reader(out);
    EXPECT_EQ((**reader.next()).value, UINT64_MAX);
    EXPECT_EQ((**reader.next()).number, 1000u);
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                      std::uint64_t{16384}, UINT64_MAX}) {
        bytes field;
        append_proto_varint(field, 1, value);
        EXPECT_EQ(field.size(), 1 + proto_varint_size(value)) << value;
    }
}

TEST(protobuf, takes_padded_varints_up_to_ten_bytes_and_64_bits) {
    EXPECT_TRUE(is_readable("08808000"));
    EXPECT_TRUE(is_readable("0880808080808080808000"));
    EXPECT_TRUE(is_readable("08ffffffffffffffffff01"));
    EXPECT_FALSE(is_readable("08ffffffffffffffffff02"));
    EXPECT_FALSE(is_readable("088080808080808080808000"));
}

TEST(protobuf, refuses_broken_messages) {
    for (const char* hex :
         {"08", "0880", "0a", "0a01", "0a0261", "00", "0001", "0b", "0c", "0e00", "0f00",
          "0d000000", "0900000000000000", "0affffffffffffffffff01", "808080808000"})
        EXPECT_FALSE(is_readable(hex)) << hex;
}
