// links: base multiformats
// Both kinds of varint: what is read is in bounds, and the strict kind has one spelling a value.
#include <algorithm>

#include "base/varint.hpp"
#include "multiformats/protobuf.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const dm::byte_view input = std::as_bytes(std::span{data, size});
    if (const auto read = dm::read_varint(input)) {
        require(read->size >= 1 && read->size <= dm::varint_bytes_max && read->size <= size);
        dm::bytes again;
        dm::append_varint(again, read->value);
        require(std::ranges::equal(again, input.first(read->size)));
    }
    auto rest = input;
    if (const auto value = dm::multiformats::take_proto_varint(rest)) {
        require(rest.size() < size);
        dm::bytes field;
        dm::multiformats::append_proto_varint(field, 1, *value);
        require(field.size() == 1 + dm::multiformats::proto_varint_size(*value));
        require(field.size() - 1 <= size - rest.size());
    }
    dm::multiformats::proto_reader reader(input);
    for (auto field = reader.next(); field && *field; field = reader.next())
        require((*field)->data.size() <= size);
    return 0;
}
