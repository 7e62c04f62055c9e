#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace dm::swarm {

/// Which leaves of a blob someone has: one bit a leaf, and how many are set.
class leaf_set {
  public:
    leaf_set() = default;
    explicit leaf_set(std::uint32_t size) : words_((size + 63) / 64), size_(size) {}

    std::uint32_t size() const noexcept { return size_; }
    std::uint32_t count() const noexcept { return count_; }
    bool full() const noexcept { return count_ == size_; }
    bool test(std::uint32_t i) const noexcept {
        return i < size_ && ((words_[i / 64] >> (i % 64)) & 1) != 0;
    }
    /// True when it was not set before. `i` < size().
    bool set(std::uint32_t i) noexcept;
    /// True when it was set before. `i` < size().
    bool clear(std::uint32_t i) noexcept;
    void set_all() noexcept;
    /// Sets `length` leaves from `first`, as far as there are such leaves.
    void set_range(std::uint32_t first, std::uint32_t length) noexcept;

    /// The 64 leaves from 64 * `n`, lowest first.
    std::uint64_t word(std::size_t n) const noexcept { return words_[n]; }
    std::size_t words() const noexcept { return words_.size(); }

    friend bool operator==(const leaf_set&, const leaf_set&) = default;

  private:
    std::vector<std::uint64_t> words_;
    std::uint32_t size_ = 0;
    std::uint32_t count_ = 0;
};

/// Calls `f(leaf)` for each leaf of a word of leaf_set::word(n).
template <class F>
void for_each_leaf(std::uint64_t word, std::size_t n, F f) {
    for (; word != 0; word &= word - 1)
        f(static_cast<std::uint32_t>(n * 64) + static_cast<std::uint32_t>(std::countr_zero(word)));
}

}  // namespace dm::swarm
