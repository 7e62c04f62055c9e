#include "content/swarm/leaf_buffer.hpp"

#include <algorithm>
#include <cassert>

#include "content/swarm/holdings.hpp"

namespace dm::swarm {

leaf_buffer::leaf_buffer(std::size_t size, leaf_buffers* home)
    : size_(size), home_(size == leaf_bytes ? home : nullptr) {
    if (home_ && !home_->spare_.empty()) {
        memory_ = std::move(home_->spare_.back());
        home_->spare_.pop_back();
        home_->least_spare_ = std::min(home_->least_spare_, home_->spare_.size());
    } else {
        memory_ = std::make_unique_for_overwrite<std::byte[]>(room_before + size);
    }
}

leaf_buffer& leaf_buffer::operator=(leaf_buffer&& other) noexcept {
    if (this != &other) {
        release();
        memory_ = std::move(other.memory_);
        size_ = std::exchange(other.size_, 0);
        home_ = std::exchange(other.home_, nullptr);
    }
    return *this;
}

void leaf_buffer::release() noexcept {
    if (memory_ && home_ && home_->spare_.size() < leaf_buffers::spare_max)
        home_->spare_.push_back(std::move(memory_));
    memory_.reset();
}

byte_view leaf_buffer::put_before(std::size_t at, byte_view head, std::size_t n) {
    assert(head.size() <= room_before && at + n <= size_);
    auto* const start = memory_.get() + room_before + at - head.size();
    std::ranges::copy(head, start);
    return {start, head.size() + n};
}

void leaf_buffers::trim() noexcept {
    const auto idle = std::min(least_spare_, spare_.size());
    spare_.resize(spare_.size() - idle);
    least_spare_ = spare_.size();
}

}  // namespace dm::swarm
