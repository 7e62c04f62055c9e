#include "runtime/docker/line_splitter.hpp"

#include <fmt/format.h>

#include "runtime/engine/errc.hpp"

namespace dm::docker {

result<void> line_splitter::feed(std::string_view piece) {
    buffer_.erase(0, std::exchange(taken_, 0));
    for (const char c : piece) {
        line_bytes_ = c == '\n' ? 0 : line_bytes_ + 1;
        overrun_ = overrun_ || line_bytes_ > line_bytes_max;
    }
    if (overrun_)
        return fail(engine::errc::malformed_answer,
                    fmt::format("Docker sent a line of more than {} bytes", line_bytes_max));
    buffer_ += piece;
    return {};
}

std::optional<std::string_view> line_splitter::poll() {
    while (buffer_.size() - taken_ > line_bytes_) {
        const auto end = buffer_.find('\n', taken_);
        std::string_view line(buffer_.data() + taken_, end - taken_);
        taken_ = end + 1;
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (!line.empty())
            return line;
    }
    return std::nullopt;
}

std::optional<std::string_view> line_splitter::rest() {
    if (const auto line = poll())
        return line;
    const auto line = std::string_view(buffer_).substr(std::exchange(taken_, buffer_.size()));
    line_bytes_ = 0;
    return line.empty() ? std::nullopt : std::optional(line);
}

}  // namespace dm::docker
