// links: bitswap
// Bitswap messages, and the stream that frames them: what is read is written back with the same
// meaning, and framing does not depend on how the bytes are cut.
#include "content/bitswap/message.hpp"
#include "multiformats/delimited.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::bitswap;

namespace {

void check_message(byte_view input) {
    const auto m = decode_message(input);
    if (!m)
        return;
    for (const auto& b : m->blocks) {
        require(b.data.size() <= block_bytes_max);
        (void)cid_of(b.prefix, b.data);
    }
    const auto wire = encode_message(*m);
    const auto again = decode_message(wire);
    require(again && again->wants == m->wants && again->presences == m->presences &&
            again->full == m->full && again->pending_bytes == m->pending_bytes &&
            again->blocks.size() == m->blocks.size());
    (void)encode_message(*m, version::v1_1);
    (void)encode_message(*m, version::v1_0);
}

/// The first message, when the stream comes in pieces of `step` bytes; whether it was refused.
std::pair<std::optional<bytes>, bool> first_message(byte_view stream, std::size_t step) {
    multiformats::delimited_reader reader(1000);
    while (!stream.empty()) {
        const auto piece = stream.first(std::min(step, stream.size()));
        const auto taken = reader.feed(piece);
        if (!taken)
            return {std::nullopt, true};
        require(*taken > 0 && *taken <= piece.size());
        if (auto message = reader.take())
            return {std::move(message), false};
        stream = stream.subspan(*taken);
    }
    return {std::nullopt, false};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    check_message(input);
    const auto whole = first_message(input, input.size());
    require(whole == first_message(input, 1) && whole == first_message(input, 3));
    return 0;
}
