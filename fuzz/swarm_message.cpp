// links: swarm
// /distromash/blob/1: what is decoded is encoded and decoded the same; a session takes any bytes,
// cut anywhere, and holds no more than its limits.
#include <algorithm>

#include "base/varint.hpp"
#include "content/swarm/session.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::swarm;

namespace {

bytes encoded(const message& m) {
    bytes out;
    encode(out, m);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    if (const auto m = decode(input); m && *m) {
        const auto once = encoded(**m);
        const auto length = read_varint(once);
        require(length.has_value());
        const auto again = decode(byte_view(once).subspan(length->size));
        require(again && *again && encoded(**again) == once);
    }
    if (size == 0)
        return 0;
    session s;
    const auto cut = std::size_t{1} + data[0];
    auto rest = input.subspan(1);
    while (!rest.empty()) {
        const auto part = rest.first(std::min(cut, rest.size()));
        rest = rest.subspan(part.size());
        if (!s.feed(part))
            break;
        while (const auto e = s.poll())
            if (const auto* b = std::get_if<block_received>(&*e))
                require(b->data.size() <= leaf_bytes);
    }
    return 0;
}
