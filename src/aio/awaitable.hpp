#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <system_error>
#include <type_traits>

#include "base/result.hpp"

namespace dm {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using executor = asio::any_io_executor;

namespace aio {

enum class errc {
    timed_out = 1,
    end_of_stream,
    closed,
    too_much_data,
};

inline const char* category_name(errc) {
    return "aio";
}
const char* name_of(errc e);
const char* message_of(errc e);
condition condition_of(errc e);
inline std::error_code make_error_code(errc e) {
    return {static_cast<int>(e), errc_category<errc>::instance()};
}

/// True for the exception that a cancelled coroutine ends with.
bool is_cancelled(const std::exception& e) noexcept;

}  // namespace aio
}  // namespace dm

template <>
struct std::is_error_code_enum<dm::aio::errc> : std::true_type {};
