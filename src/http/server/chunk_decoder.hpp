#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "http/server/errc.hpp"

namespace dm::server {

/// Longest size line of a chunk, and longest trailer section.
constexpr std::size_t chunk_head_bytes_max = 4 << 10;

/// Undoes the chunked transfer coding; extensions and trailers are skipped. Not Beast's: that
/// asserts on an empty body which arrives byte by byte.
/// Spec: RFC 9112 §7.1.
class chunk_decoder {
  public:
    struct step {
        std::size_t used = 0;   ///< bytes of the input that are done with
        std::size_t moved = 0;  ///< body bytes written to the output
    };

    /// Both 0 while more input is needed, or when done(). The input begins where the last step
    /// ended.
    result<step> take(byte_view input, std::span<std::byte> into);
    bool done() const noexcept { return state_ == state::done; }

  private:
    enum class state { size_line, data, data_end, trailer, done };
    result<std::size_t> take_line(std::string_view text);
    result<void> line(std::string_view text);

    state state_ = state::size_line;
    std::uint64_t left_ = 0;  ///< of the current chunk
    std::size_t trailer_bytes_ = 0;
};

}  // namespace dm::server
