#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dm::docker {

/// Longest line of a stream; progress and events are a few hundred bytes.
constexpr std::size_t line_bytes_max = 65'536;

/// Cuts a stream into lines however it is chopped up. Lines end with "\n" or "\r\n"; empty ones are
/// skipped.
class line_splitter {
  public:
    /// Takes the next piece. A line over `line_bytes_max` fails (engine's `malformed_answer`), and
    /// so does everything after it.
    result<void> feed(std::string_view piece);

    /// The next complete line without its end; valid until the next call.
    std::optional<std::string_view> poll();

    /// What came after the last line end, as a line; for the end of the stream.
    std::optional<std::string_view> rest();

  private:
    std::string buffer_;
    std::size_t taken_ = 0;       ///< bytes of buffer_ handed out
    std::size_t line_bytes_ = 0;  ///< of the line that has not ended yet
    bool overrun_ = false;
};

}  // namespace dm::docker
