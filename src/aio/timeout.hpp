#pragma once

#include <chrono>
#include <optional>

#include "aio/awaitable.hpp"

namespace dm::aio {

/// Runs `op`; when `limit` passes first, cancels it, waits until it has ended and throws
/// errc::timed_out. A result that arrives with the time-out is kept.
awaitable<void> with_timeout(awaitable<void> op, std::chrono::steady_clock::duration limit);

namespace detail {
template <class T>
awaitable<void> store_result(awaitable<T> op, std::optional<T>* out) {
    out->emplace(co_await std::move(op));
}
}  // namespace detail

template <class T>
awaitable<T> with_timeout(awaitable<T> op, std::chrono::steady_clock::duration limit) {
    std::optional<T> out;
    co_await with_timeout(detail::store_result(std::move(op), &out), limit);
    co_return std::move(*out);
}

/// Waits; cancellable.
awaitable<void> sleep_for(std::chrono::steady_clock::duration time);

}  // namespace dm::aio
