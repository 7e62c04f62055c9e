// links: yamux
// A stranger's frames: however they are cut, the session comes to the same state, keeps within its
// limits, and gives back all that it has counted.
#include <algorithm>
#include <array>

#include "libp2p/yamux/session.hpp"
#include "require.hpp"

using namespace dm;

namespace {

struct outcome {
    std::optional<yamux::errc> failed;
    std::string read;
    std::size_t streams = 0;

    bool operator==(const outcome&) const = default;
};

/// Reads everything at once, as long as `reads`; opened streams are released when they end.
outcome play(byte_view input, std::size_t step, bool reads) {
    yamux::window_budget budget(1 << 20);
    outcome out;
    {
        const steady_time now{std::chrono::seconds(1)};
        yamux::session s(yamux::role::server, budget, {.incoming_streams_max = 8}, now);
        std::array<std::byte, 65536> buffer;
        while (!input.empty() && !s.failed()) {
            const auto n = std::min(step, input.size());
            s.feed(now, input.first(n));
            input = input.subspan(n);
            while (const auto e = s.poll())
                while (reads && s.is_open(e->id))
                    if (const auto got = s.read(now, e->id, buffer))
                        out.read += as_chars(byte_view(buffer).first(got));
                    else
                        break;
            while (s.fill(buffer) > 0) {
            }
            require(s.stream_count() <= 8);
        }
        out.failed = s.failed();
        out.streams = s.stream_count();
        require(budget.unread_bytes() <= (1 << 20));
    }
    require(budget.unread_bytes() == 0 && budget.granted_bytes() == 0);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const byte_view input = std::as_bytes(std::span{data + 1, size - 1});
    const bool reads = data[0] % 2 == 1;
    const auto whole = play(input, std::max<std::size_t>(size, 1), reads);
    const auto pieces = play(input, 1 + data[0] / 2, reads);
    require(whole.failed == pieces.failed && whole.streams == pieces.streams);
    return 0;
}
