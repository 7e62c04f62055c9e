#include "aio/event.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>

namespace dm::aio {

awaitable<void> event::wait_regardless() {
    boost::system::error_code ignored;  // a notification is the cancellation of the wait
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
}

awaitable<void> event::wait() {
    co_await wait_regardless();
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
}

awaitable<limiter::permit> limiter::acquire() {
    while (free_ == 0)
        co_await changed_.wait();
    --free_;
    co_return permit(*this);
}

}  // namespace dm::aio
