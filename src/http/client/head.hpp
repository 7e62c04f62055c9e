#pragma once

#include <string_view>

#include "base/result.hpp"
#include "http/client/request.hpp"

namespace dm::http {

/// Collects an answer's head from single lines. Interim answers (1xx) are skipped, and so is what
/// comes after the head (trailers).
class head_reader {
  public:
    /// One line with or without its line end. True: the head is complete now.
    result<bool> line(std::string_view text);

    bool complete() const noexcept { return complete_; }
    response_head& head() noexcept { return head_; }
    const response_head& head() const noexcept { return head_; }

  private:
    result<void> status_line(std::string_view text);
    result<void> field(std::string_view text);

    response_head head_;
    std::size_t size_bytes_ = 0;
    bool started_ = false;
    bool complete_ = false;
};

}  // namespace dm::http
