// links: http_client
// Heads of answers from strangers: whatever lines arrive, a head that is complete has a final
// status, stays within its limit, and is not changed by what follows it.
#include <cstdint>
#include <string_view>

#include "http/client/head.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    dm::http::head_reader reader;
    std::size_t headers = 0;
    while (!input.empty()) {
        const auto end = std::min(input.find('\n'), input.size() - 1) + 1;
        const bool before = reader.complete();
        const auto got = reader.line(input.substr(0, end));
        input.remove_prefix(end);
        if (!got)
            return 0;
        if (*got) {
            require(!before && reader.head().status >= 200 && reader.head().status <= 999);
            headers = reader.head().headers.size();
            static_cast<void>(reader.head().content_length());
        }
        require(!reader.complete() || reader.head().headers.size() == headers);
        std::size_t bytes = 0;
        for (const auto& h : reader.head().headers) {
            require(!h.name.contains('\n') && !h.name.contains(':') && !h.value.contains('\n'));
            bytes += h.name.size();
        }
        require(bytes <= dm::http::head_bytes_max);
    }
    return 0;
}
