#pragma once

#include <chrono>
#include <cstdint>

#include "aio/awaitable.hpp"
#include "base/token_bucket.hpp"

namespace dm::aio {

/// Keeps all who take from it together at a rate. One thread only.
class rate_limiter {
  public:
    /// Bytes a second; 0: as fast as it goes.
    explicit rate_limiter(std::uint64_t bytes_per_second = 0) : bucket_(bytes_per_second) {}

    /// Holds from the next take() on.
    void set(std::uint64_t bytes_per_second) { bucket_.set(bytes_per_second); }
    std::uint64_t bytes_per_second() const noexcept { return bucket_.bytes_per_second(); }

    /// Returns when that many bytes may move; in the order of the calls.
    awaitable<void> take(std::size_t bytes);

  private:
    token_bucket bucket_;
};

}  // namespace dm::aio
