// links: multistream
// A stranger negotiates: however its bytes are cut, the same is taken, answered and chosen.
#include <algorithm>

#include "libp2p/multistream/negotiation.hpp"
#include "require.hpp"

using namespace dm;
using multistream::negotiation;

namespace {

struct outcome {
    std::size_t taken = 0;
    bytes said;
    std::optional<std::string> chosen;
    std::error_code failed;

    bool operator==(const outcome&) const = default;
};

outcome play(negotiation n, byte_view input, std::size_t step) {
    outcome out;
    while (!input.empty()) {
        const auto piece = input.first(std::min(step, input.size()));
        const auto taken = n.feed(piece);
        if (!taken) {
            out.failed = taken.error().code;
            out.taken = 0;  // says nothing any more
            break;
        }
        out.taken += *taken;
        if (n.chosen())
            break;
        require(*taken == piece.size() && n.wanted() > 0);
        require(n.wanted() <= multistream::message_bytes_max);
        input = input.subspan(piece.size());
    }
    out.said = to_bytes(n.pending());
    out.chosen = n.chosen();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const byte_view input = std::as_bytes(std::span{data + 1, size - 1});
    const auto make = [&] {
        return data[0] % 2 == 0
                   ? negotiation::answer([](const std::string& p) { return p == "/a"; })
                   : negotiation::propose({"/a", "/b"});
    };
    const auto whole = play(make(), input, size);
    require(whole == play(make(), input, 1));
    require(whole == play(make(), input, 1 + data[0] % 7));
    return 0;
}
