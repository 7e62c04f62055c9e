#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace dm {

/// What kind of failure an error code of any module is; the HTTP boundary maps it to a status.
enum class condition {
    invalid = 1,    ///< the caller's input is wrong: 400
    unprocessable,  ///< well-formed, but means nothing here: 422
    unauthorized,   ///< credentials missing or refused: 401
    forbidden,      ///< understood and refused: 403
    not_found,      ///< 404
    conflict,       ///< collides with what is there: 409
    too_large,      ///< over a named limit: 413
    unsupported,    ///< 405 or 501
    rate_limited,   ///< 429
    corrupt,      ///< bytes do not match their digest or format: 502 when they came from elsewhere
    unavailable,  ///< something needed is down; trying later may help: 503
    timed_out,    ///< 504
    no_space,     ///< 507
    cancelled,    ///< given up on purpose
    internal,     ///< a bug or a broken machine: 500
};

const std::error_category& condition_category() noexcept;
inline std::error_condition make_error_condition(condition c) noexcept {
    return {static_cast<int>(c), condition_category()};
}

/// The condition of a code from any category (ours, errno, Asio); `internal` where nothing is
/// known.
condition condition_of(const std::error_code& code) noexcept;

/// A failure: a code that programs test, and a sentence part for people ("needs 1.2 GB").
struct error {
    std::error_code code;
    std::string detail;

    /// "<detail>", or the code's message when there is no detail.
    std::string message() const;
    /// The code's short name, e.g. "not_found": the `code` member of API errors.
    std::string name() const;
};

template <class T>
using result = std::expected<T, error>;

/// `return fail(errc::truncated, "link 3")`.
template <class Errc>
    requires std::is_error_code_enum_v<Errc>
std::unexpected<error> fail(Errc code, std::string detail = {}) {
    return std::unexpected(error{make_error_code(code), std::move(detail)});
}
inline std::unexpected<error> fail(error e) {
    return std::unexpected(std::move(e));
}

/// `error` as an exception, thrown by coroutines. what() is error::message().
class failure : public std::system_error {
  public:
    explicit failure(error e) : std::system_error(e.code), error_(std::move(e)) {
        text_ = error_.message();
    }
    const error& reason() const noexcept { return error_; }
    const char* what() const noexcept override { return text_.c_str(); }

  private:
    error error_;
    std::string text_;
};

/// The bridge from pure code to coroutines.
template <class T>
T value_or_throw(result<T> r) {
    if (!r)
        throw failure(std::move(r.error()));
    if constexpr (!std::is_void_v<T>)
        return *std::move(r);
}

template <class Errc>
    requires std::is_error_code_enum_v<Errc>
[[noreturn]] void raise(Errc code, std::string detail = {}) {
    throw failure(error{make_error_code(code), std::move(detail)});
}

/// The error inside any exception (failure, system_error, others become `internal`).
error error_of(const std::exception& e);

/// A module's error category over `enum class errc`, which provides by argument-dependent look-up
/// `const char* category_name(errc)`, `const char* name_of(errc)`, `const char* message_of(errc)`
/// and `condition condition_of(errc)`.
template <class Errc>
class errc_category final : public std::error_category {
  public:
    static const errc_category& instance() noexcept {
        static const errc_category category;
        return category;
    }
    const char* name() const noexcept override { return category_name(Errc{}); }
    std::string message(int code) const override { return message_of(static_cast<Errc>(code)); }
    std::error_condition default_error_condition(int code) const noexcept override {
        return make_error_condition(condition_of(static_cast<Errc>(code)));
    }
    const char* code_name(int code) const noexcept { return name_of(static_cast<Errc>(code)); }
};

}  // namespace dm

template <>
struct std::is_error_condition_enum<dm::condition> : std::true_type {};
