#include "base/result.hpp"

namespace dm {
namespace {

const char* text_of(condition c) {
    switch (c) {
        case condition::invalid:
            return "invalid";
        case condition::unprocessable:
            return "unprocessable";
        case condition::unauthorized:
            return "unauthorized";
        case condition::forbidden:
            return "forbidden";
        case condition::not_found:
            return "not_found";
        case condition::conflict:
            return "conflict";
        case condition::too_large:
            return "too_large";
        case condition::unsupported:
            return "unsupported";
        case condition::rate_limited:
            return "rate_limited";
        case condition::corrupt:
            return "corrupt";
        case condition::unavailable:
            return "unavailable";
        case condition::timed_out:
            return "timed_out";
        case condition::no_space:
            return "no_space";
        case condition::cancelled:
            return "cancelled";
        case condition::internal:
            return "internal";
    }
    return "internal";
}

class category_of_conditions final : public std::error_category {
  public:
    const char* name() const noexcept override { return "condition"; }
    std::string message(int c) const override { return text_of(static_cast<condition>(c)); }
};

condition condition_of_errno(const std::error_condition& c) {
    if (c == std::errc::invalid_argument)
        return condition::invalid;
    if (c == std::errc::no_space_on_device)
        return condition::no_space;
    if (c == std::errc::no_such_file_or_directory)
        return condition::not_found;
    if (c == std::errc::permission_denied || c == std::errc::operation_not_permitted)
        return condition::forbidden;
    if (c == std::errc::timed_out)
        return condition::timed_out;
    if (c == std::errc::operation_canceled)
        return condition::cancelled;
    if (c == std::errc::connection_refused || c == std::errc::connection_reset ||
        c == std::errc::connection_aborted || c == std::errc::host_unreachable ||
        c == std::errc::network_unreachable || c == std::errc::broken_pipe)
        return condition::unavailable;
    return condition::internal;
}

}  // namespace

const std::error_category& condition_category() noexcept {
    static const category_of_conditions category;
    return category;
}

condition condition_of(const std::error_code& code) noexcept {
    const auto c = code.default_error_condition();
    if (c.category() == condition_category())
        return static_cast<condition>(c.value());
    return condition_of_errno(c);
}

std::string error::message() const {
    return detail.empty() ? code.message() : detail;
}

std::string error::name() const {
    return text_of(condition_of(code));
}

error error_of(const std::exception& e) {
    if (const auto* f = dynamic_cast<const failure*>(&e))
        return f->reason();
    if (const auto* s = dynamic_cast<const std::system_error*>(&e))
        return {s->code(), s->code().message()};
    return {std::make_error_code(std::errc::state_not_recoverable), e.what()};
}

}  // namespace dm
