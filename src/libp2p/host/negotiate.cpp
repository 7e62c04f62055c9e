#include "libp2p/host/negotiate.hpp"

#include "base/varint.hpp"
#include "libp2p/host/errc.hpp"

namespace dm::host {
namespace {

using multistream::negotiation;

/// Memory is taken as bytes arrive, not as they are announced.
constexpr std::size_t message_step_bytes = 64 * 1024;

awaitable<void> read_exactly(aio::byte_stream& from, std::span<std::byte> into) {
    while (!into.empty()) {
        const auto n = co_await from.read_some(into);
        if (n == 0)
            raise(aio::errc::end_of_stream);
        into = into.subspan(n);
    }
}

awaitable<std::string> play(aio::byte_stream& on, negotiation core) {
    for (;;) {
        if (!core.pending().empty()) {
            co_await on.write(core.pending());
            core.sent(core.pending().size());
        }
        const auto n = core.wanted();
        if (n == 0)
            co_return *core.chosen();
        bytes data(n);
        co_await read_exactly(on, data);
        value_or_throw(core.feed(data));
    }
}

}  // namespace

awaitable<std::string> propose(aio::byte_stream& on, std::vector<std::string> protocols) {
    try {
        co_return co_await play(on, negotiation::propose(std::move(protocols)));
    } catch (const failure& e) {
        if (e.code() == multistream::errc::none_in_common)
            raise(errc::protocol_refused);
        throw;
    }
}

awaitable<std::string> answer(aio::byte_stream& on, negotiation::accepts known) {
    co_return co_await play(on, negotiation::answer(std::move(known)));
}

awaitable<std::optional<bytes>> read_message(aio::byte_stream& from, std::size_t size_max) {
    bytes length;
    std::expected<varint_read, varint_error> size;
    do {
        std::byte next;
        if (co_await from.read_some(std::span(&next, 1)) == 0) {
            if (length.empty())
                co_return std::nullopt;
            raise(aio::errc::end_of_stream);
        }
        length.push_back(next);
        size = read_varint(length);
    } while (!size && size.error() == varint_error::incomplete);
    if (!size || size->value > size_max)
        raise(aio::errc::too_much_data, "a message is too long");
    bytes out;
    while (out.size() < size->value) {
        const auto have = out.size();
        out.resize(std::min<std::size_t>(size->value, have + message_step_bytes));
        co_await read_exactly(from, std::span(out).subspan(have));
    }
    co_return out;
}

awaitable<void> write_message(aio::byte_stream& to, bytes message) {
    bytes framed;
    framed.reserve(message.size() + varint_bytes_max);
    append_varint(framed, message.size());
    append(framed, message);
    co_await to.write(framed);
}

}  // namespace dm::host
