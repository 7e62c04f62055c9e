#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace dm {

enum class log_level { trace, debug, info, warn, error, off };
enum class log_format { text, json };

/// One key = value of a log line.
struct log_field {
    template <class T>
    log_field(std::string_view k, const T& v) : key(k) {
        if constexpr (std::is_arithmetic_v<T>) {
            value = fmt::format("{}", v);
            quoted = false;
        } else {
            value = std::string_view(v);
        }
    }
    std::string_view key;
    std::string value;
    bool quoted = true;
};

/// Writes events as single lines to standard error: `log::info("pull served", {{"image", ref},
/// {"bytes", n}})`. Levels: error = the operator must act, warn = degraded, info = lifecycle and
/// requests, debug = per peer, trace = per message. Thread-safe. Never give it a secret.
namespace log {

using fields = std::initializer_list<log_field>;

void configure(log_level level, log_format format);
bool enabled(log_level level) noexcept;
void write(log_level level, std::string_view event, fields f);

inline void error(std::string_view event, fields f = {}) {
    write(log_level::error, event, f);
}
inline void warn(std::string_view event, fields f = {}) {
    write(log_level::warn, event, f);
}
inline void info(std::string_view event, fields f = {}) {
    write(log_level::info, event, f);
}
inline void debug(std::string_view event, fields f = {}) {
    if (enabled(log_level::debug))
        write(log_level::debug, event, f);
}
inline void trace(std::string_view event, fields f = {}) {
    if (enabled(log_level::trace))
        write(log_level::trace, event, f);
}

}  // namespace log
}  // namespace dm
