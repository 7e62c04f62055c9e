#include "http/server/chunk_decoder.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "http/syntax/scan.hpp"

namespace dm::server {

result<chunk_decoder::step> chunk_decoder::take(byte_view input, std::span<std::byte> into) {
    assert(!into.empty());
    step out;
    while (!done() && out.used < input.size()) {
        const auto rest = input.subspan(out.used);
        if (state_ == state::data) {
            const auto n = std::min<std::uint64_t>({rest.size(), left_, into.size() - out.moved});
            if (n == 0)
                return out;
            std::ranges::copy(rest.first(n), into.begin() + static_cast<std::ptrdiff_t>(out.moved));
            out.moved += n;
            out.used += n;
            left_ -= n;
            if (left_ == 0)
                state_ = state::data_end;
            continue;
        }
        const auto used = take_line(as_chars(rest));
        if (!used && out.moved == 0)
            return fail(used.error());
        if (!used || *used == 0)
            return out;  // what was moved counts; an error shows again in the next call
        out.used += *used;
    }
    return out;
}

/// Bytes of the line at the front with its CRLF; 0 while it is incomplete.
result<std::size_t> chunk_decoder::take_line(std::string_view text) {
    const auto end = text.find('\n');
    if (std::min(end, text.size()) >= chunk_head_bytes_max)
        return fail(errc::malformed_request, "a chunk's head or trailer is too long");
    if (end == std::string_view::npos)
        return 0;
    if (end == 0 || text[end - 1] != '\r')
        return fail(errc::malformed_request, "a line of the chunked body does not end in CRLF");
    if (auto read = line(text.substr(0, end - 1)); !read)
        return fail(std::move(read.error()));
    return end + 1;
}

result<void> chunk_decoder::line(std::string_view text) {
    if (std::ranges::any_of(
            text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; }))
        return fail(errc::malformed_request, "a control character in the chunked body's framing");
    if (state_ == state::data_end) {
        if (!text.empty())
            return fail(errc::malformed_request, "a chunk is longer than its size");
        state_ = state::size_line;
        return {};
    }
    if (state_ == state::trailer) {
        trailer_bytes_ += text.size();
        if (trailer_bytes_ > chunk_head_bytes_max)
            return fail(errc::malformed_request, "a chunk's head or trailer is too long");
        if (text.empty())
            state_ = state::done;
        return {};
    }
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), left_, 16);
    const auto rest = syntax::trim(text.substr(static_cast<std::size_t>(end - text.data())));
    if (failed != std::errc{} || (!rest.empty() && rest.front() != ';'))
        return fail(errc::malformed_request, "a chunk without a size");
    state_ = left_ == 0 ? state::trailer : state::data;
    return {};
}

}  // namespace dm::server
