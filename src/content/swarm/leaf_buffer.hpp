#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace dm::swarm {

class leaf_buffers;

/// The bytes of a leaf, with room before them for the head of a message. They are not filled when
/// it is made.
class leaf_buffer {
  public:
    /// Bytes before data() that may be written.
    static constexpr std::size_t room_before = 64;

    leaf_buffer() = default;
    /// `home`, which outlives this, gets the memory back; nullptr: nobody does.
    explicit leaf_buffer(std::size_t size, leaf_buffers* home = nullptr);
    leaf_buffer(leaf_buffer&& other) noexcept
        : memory_(std::move(other.memory_)),
          size_(std::exchange(other.size_, 0)),
          home_(std::exchange(other.home_, nullptr)) {}
    leaf_buffer& operator=(leaf_buffer&& other) noexcept;
    ~leaf_buffer() { release(); }

    std::size_t size() const noexcept { return size_; }
    std::span<std::byte> data() noexcept { return {memory_.get() + room_before, size_}; }
    byte_view view() const noexcept { return {memory_.get() + room_before, size_}; }
    /// Writes over the bytes right before data()[at]; `head` has at most room_before bytes. Returns
    /// them and the next `n` bytes of data().
    byte_view put_before(std::size_t at, byte_view head, std::size_t n);

  private:
    void release() noexcept;

    std::unique_ptr<std::byte[]> memory_;
    std::size_t size_ = 0;
    leaf_buffers* home_ = nullptr;
};

/// Memory of whole leaves, used again rather than given back to the system and taken anew, which
/// costs more than all copying.
class leaf_buffers {
  public:
    /// Kept at most; what comes back beyond is freed.
    static constexpr std::size_t spare_max = 24;

    leaf_buffer take(std::size_t size) { return leaf_buffer(size, this); }
    /// Frees what has been spare since the last call.
    void trim() noexcept;
    std::size_t spare() const noexcept { return spare_.size(); }

  private:
    friend class leaf_buffer;

    std::vector<std::unique_ptr<std::byte[]>> spare_;
    std::size_t least_spare_ = 0;  ///< since trim()
};

}  // namespace dm::swarm
