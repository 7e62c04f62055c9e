#include "multiformats/delimited.hpp"

#include <algorithm>

#include "base/varint.hpp"

namespace dm::multiformats {

result<std::size_t> delimited_reader::feed(byte_view data) {
    std::size_t taken = 0;
    while (!size_ && taken < data.size()) {
        header_.push_back(data[taken++]);
        const auto length = read_varint(header_);
        if (!length && length.error() == varint_error::malformed)
            return fail(errc::malformed_varint, "length of a message");
        if (!length)
            continue;
        if (length->value > max_)
            return fail(errc::too_long, "message of " + std::to_string(length->value) + " bytes");
        size_ = static_cast<std::size_t>(length->value);
    }
    if (size_) {
        const auto part =
            data.subspan(taken).first(std::min(data.size() - taken, *size_ - message_.size()));
        append(message_, part);
        taken += part.size();
    }
    return taken;
}

std::optional<bytes> delimited_reader::take() {
    if (!size_ || message_.size() < *size_)
        return std::nullopt;
    header_.clear();
    size_.reset();
    return std::exchange(message_, {});
}

void append_delimited(bytes& out, byte_view message) {
    append_varint(out, message.size());
    append(out, message);
}

}  // namespace dm::multiformats
