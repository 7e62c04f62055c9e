#include "content/swarm/leaf_set.hpp"

#include <algorithm>
#include <cassert>

namespace dm::swarm {

bool leaf_set::set(std::uint32_t i) noexcept {
    assert(i < size_);
    auto& word = words_[i / 64];
    const auto bit = std::uint64_t{1} << (i % 64);
    if (word & bit)
        return false;
    word |= bit;
    ++count_;
    return true;
}

bool leaf_set::clear(std::uint32_t i) noexcept {
    assert(i < size_);
    auto& word = words_[i / 64];
    const auto bit = std::uint64_t{1} << (i % 64);
    if (!(word & bit))
        return false;
    word &= ~bit;
    --count_;
    return true;
}

void leaf_set::set_all() noexcept {
    set_range(0, size_);
}

void leaf_set::set_range(std::uint32_t first, std::uint32_t length) noexcept {
    first = std::min(first, size_);
    const auto end = first + std::min(length, size_ - first);
    while (first < end) {
        const auto bit = first % 64;
        const auto n = std::min(64 - bit, end - first);
        auto& word = words_[first / 64];
        const auto mask = (n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1) << bit;
        count_ += static_cast<std::uint32_t>(std::popcount(mask & ~word));
        word |= mask;
        first += n;
    }
}

}  // namespace dm::swarm
