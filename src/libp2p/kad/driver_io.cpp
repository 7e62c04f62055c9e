#include "libp2p/kad/driver_io.hpp"

namespace dm::kad {
namespace {

constexpr std::size_t read_bytes = 4 * 1024;

}  // namespace

awaitable<std::optional<message>> message_reader::next() {
    for (;;) {
        while (begin_ < end_) {
            const auto rest = byte_view(buffer_).subspan(begin_, end_ - begin_);
            begin_ += value_or_throw(reader_.feed(rest));
            if (const auto wire = reader_.take())
                co_return value_or_throw(decode_message(*wire));
        }
        buffer_.resize(read_bytes);
        begin_ = 0;
        end_ = co_await from_.read_some(buffer_);
        if (end_ == 0 && !reader_.is_between_messages())
            raise(errc::malformed_message, "the stream ends within a message");
        if (end_ == 0)
            co_return std::nullopt;
    }
}

awaitable<void> write_message(aio::byte_stream& to, const message& m) {
    bytes wire;
    multiformats::append_delimited(wire, encode_message(m));
    co_await to.write(wire);
}

}  // namespace dm::kad
