#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/varint.hpp"
#include "multiformats/errc.hpp"

namespace dm::multiformats {

/// Reads a varint from the front of `data` and moves `data` past it.
/// Errors: truncated, malformed_varint.
inline result<std::uint64_t> take_varint(byte_view& data) {
    const auto read = read_varint(data);
    if (!read)
        return fail(read.error() == varint_error::incomplete ? errc::truncated
                                                             : errc::malformed_varint);
    data = data.subspan(read->size);
    return read->value;
}

}  // namespace dm::multiformats
