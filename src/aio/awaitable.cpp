#include "aio/awaitable.hpp"

#include <boost/asio/error.hpp>

namespace dm::aio {

const char* name_of(errc e) {
    switch (e) {
        case errc::timed_out:
            return "timed_out";
        case errc::end_of_stream:
            return "end_of_stream";
        case errc::closed:
            return "closed";
        case errc::too_much_data:
            return "too_much_data";
    }
    return "aio";
}

const char* message_of(errc e) {
    switch (e) {
        case errc::timed_out:
            return "no answer in time";
        case errc::end_of_stream:
            return "the other side closed the connection early";
        case errc::closed:
            return "closed";
        case errc::too_much_data:
            return "more data than allowed";
    }
    return "unknown";
}

condition condition_of(errc e) {
    switch (e) {
        case errc::timed_out:
            return condition::timed_out;
        case errc::end_of_stream:
        case errc::closed:
            return condition::unavailable;
        case errc::too_much_data:
            return condition::too_large;
    }
    return condition::internal;
}

bool is_cancelled(const std::exception& e) noexcept {
    const auto* s = dynamic_cast<const std::system_error*>(&e);
    if (s && dm::condition_of(s->code()) == condition::cancelled)
        return true;
    const auto* b = dynamic_cast<const boost::system::system_error*>(&e);
    return b && b->code() == asio::error::operation_aborted;
}

}  // namespace dm::aio
