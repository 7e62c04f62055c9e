#include "libp2p/yamux/byte_queue.hpp"

#include <algorithm>
#include <cstring>

namespace dm::yamux {

void byte_queue::push(byte_view data) {
    size_ += data.size();
    if (!pieces_.empty()) {
        auto& last = pieces_.back();
        const auto n = std::min(data.size(), last.capacity() - last.size());
        append(last, data.first(n));
        data = data.subspan(n);
    }
    if (data.empty())
        return;
    auto& fresh = pieces_.emplace_back();
    fresh.reserve(std::max(piece_size_min, data.size()));
    append(fresh, data);
}

void byte_queue::push_front(byte_view data) {
    if (data.empty())
        return;
    if (offset_ > 0) {
        auto& first = pieces_.front();
        first.erase(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(offset_));
        offset_ = 0;
    }
    pieces_.push_front(to_bytes(data));
    size_ += data.size();
}

std::size_t byte_queue::pop(std::span<std::byte> into) noexcept {
    std::size_t done = 0;
    while (done < into.size() && size_ > 0) {
        const auto& first = pieces_.front();
        const auto n = std::min(into.size() - done, first.size() - offset_);
        std::memcpy(into.data() + done, first.data() + offset_, n);
        done += n;
        offset_ += n;
        size_ -= n;
        if (offset_ == first.size()) {
            pieces_.pop_front();
            offset_ = 0;
        }
    }
    return done;
}

void byte_queue::clear() noexcept {
    pieces_.clear();
    offset_ = 0;
    size_ = 0;
}

}  // namespace dm::yamux
