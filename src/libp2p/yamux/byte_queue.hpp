#pragma once

#include <deque>

#include "base/bytes.hpp"

namespace dm::yamux {

/// Bytes that wait to be read, in pieces as they came; small ones are joined.
class byte_queue {
  public:
    void push(byte_view data);
    /// To be read before all others.
    void push_front(byte_view data);
    /// Moves up to into.size() bytes out; returns how many.
    std::size_t pop(std::span<std::byte> into) noexcept;
    std::size_t size() const noexcept { return size_; }
    void clear() noexcept;

  private:
    static constexpr std::size_t piece_size_min = 4096;

    std::deque<bytes> pieces_;
    std::size_t offset_ = 0;  // into the first piece
    std::size_t size_ = 0;
};

}  // namespace dm::yamux
