// links: http_server
// Requests from strangers: whatever arrives, the reader neither fails its own invariants nor reads
// the same bytes differently when they come in other pieces.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "http/server/request_reader.hpp"

namespace {

constexpr std::size_t head_bytes_max = 2048;

/// Everything that was read, as one text; ends with the code of the error, if there was one.
std::string read_all(dm::byte_view input, std::size_t step) {
    dm::server::request_reader reader(head_bytes_max);
    std::string out;
    bool in_body = false;
    const auto advance = [&] {
        for (;;) {
            if (!in_body) {
                auto head = reader.next_head();
                if (!head) {
                    out += head.error().code.message();
                    return false;
                }
                if (!*head)
                    return true;
                out += (**head).method + " " + (**head).where.path + "\n";
                for (const auto& h : (**head).headers)
                    out += h.name + ":" + h.value + "\n";
                in_body = true;
            }
            std::array<std::byte, 5> into;
            const auto n = reader.next_body(into);
            if (!n) {
                out += n.error().code.message();
                return false;
            }
            out += dm::as_chars(dm::byte_view(into).first(*n));
            if (*n == 0 && !reader.body_done())
                return true;
            in_body = !reader.body_done();
        }
    };
    while (!input.empty()) {
        const auto space = reader.space();
        const auto n = std::min({step, input.size(), space.size()});
        std::memcpy(space.data(), input.data(), n);
        reader.added(n);
        input = input.subspan(n);
        if (!advance())
            break;
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto input = std::as_bytes(std::span(data + 1, size - 1));
    if (read_all(input, 4096) != read_all(input, 1 + data[0] % 16))
        std::abort();
    return 0;
}
