#pragma once

#include <boost/asio/steady_timer.hpp>

#include "aio/awaitable.hpp"

namespace dm::aio {

/// Wakes coroutines of one thread: `while (!ready) co_await changed.wait();`.
/// There is no memory: a notification without a waiter is lost, so test the state first.
class event {
  public:
    explicit event(executor ex) : timer_(std::move(ex), asio::steady_timer::time_point::max()) {}

    /// Until the next notification; throws when cancelled.
    awaitable<void> wait();
    /// The same, but returns when cancelled too: for loops that must reach their end.
    awaitable<void> wait_regardless();
    void notify_all() { timer_.cancel(); }

  private:
    asio::steady_timer timer_;
};

/// At most `permits` holders at once; the others wait in line.
class limiter {
  public:
    limiter(executor ex, std::size_t permits) : free_(permits), changed_(std::move(ex)) {}

    class permit {
      public:
        explicit permit(limiter& owner) : owner_(&owner) {}
        permit(permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        permit& operator=(permit&&) = delete;
        ~permit() {
            if (owner_)
                owner_->release();
        }

      private:
        limiter* owner_;
    };

    awaitable<permit> acquire();

  private:
    void release() {
        ++free_;
        changed_.notify_all();
    }

    std::size_t free_;
    event changed_;
};

}  // namespace dm::aio
