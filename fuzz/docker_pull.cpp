// links: docker
// What Docker says during a pull, cut into lines however it arrives.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "require.hpp"
#include "runtime/docker/line_splitter.hpp"
#include "runtime/docker/pull_reader.hpp"

using namespace dm;
using namespace dm::docker;

namespace {

/// The lines of a stream that comes in pieces of `size` bytes; nullopt when a line is too long.
std::optional<std::vector<std::string>> lines_of(std::string_view text, std::size_t size) {
    line_splitter splitter;
    std::vector<std::string> out;
    while (!text.empty()) {
        if (!splitter.feed(text.substr(0, size)))
            return std::nullopt;
        text.remove_prefix(std::min(size, text.size()));
        while (const auto line = splitter.poll()) {
            require(!line->empty() && line->size() <= line_bytes_max && !line->contains('\n'));
            out.emplace_back(*line);
        }
    }
    if (const auto rest = splitter.rest())
        out.emplace_back(*rest);
    return out;
}

void read(const std::vector<std::string>& lines) {
    pull_reader reader;
    for (const auto& line : lines)
        reader.take(line);
    const auto& p = reader.progress();
    require(p.layers.size() <= layers_max);
    require(p.downloaded_bytes <= p.total_bytes && p.extracted_bytes <= p.total_bytes);
    if (const auto there = reader.finish(); !there)
        require(!there.error().message().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto text = as_chars(std::as_bytes(std::span{data, size})).substr(1);
    const auto whole = lines_of(text, text.size());
    require(lines_of(text, 1 + data[0]) == whole);
    if (whole)
        read(*whole);
    return 0;
}
