#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "libp2p/yamux/rate_bucket.hpp"

namespace dm::yamux {

class session;

/// What all sessions of a host together may promise to receive beyond the initial windows, and
/// may hold unread. Past it windows stop growing; when the unread bytes reach it, the stream that
/// has gone unread for longest is reset. Outlives the sessions.
class window_budget {
  public:
    static constexpr std::uint64_t receive_bytes_max = 32 << 20;

    explicit window_budget(std::uint64_t limit = receive_bytes_max) : limit_(limit) {}
    window_budget(const window_budget&) = delete;
    window_budget& operator=(const window_budget&) = delete;

    /// At most so many bytes a second are let in, over all sessions, by granting windows no faster;
    /// 0: without limit.
    void limit_rate(steady_time now, std::uint64_t bytes_per_second) noexcept {
        rate_.set_rate(now, bytes_per_second);
    }

    std::uint64_t granted_bytes() const noexcept { return granted_; }
    std::uint64_t unread_bytes() const noexcept { return unread_; }

  private:
    friend class session;

    /// How much of `wanted` can be promised; it is taken.
    std::uint32_t grant(std::uint32_t wanted) noexcept;
    void give_back(std::uint64_t granted) noexcept { granted_ -= granted; }
    void arrived(std::uint64_t n) noexcept { unread_ += n; }
    void consumed(std::uint64_t n) noexcept { unread_ -= n; }
    /// Resets streams until the unread bytes are within the limit.
    void relieve();

    std::uint64_t limit_;
    std::uint64_t granted_ = 0;
    std::uint64_t unread_ = 0;
    rate_bucket rate_;
    std::vector<session*> sessions_;
};

}  // namespace dm::yamux
