#include "base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>

#include "base/clock.hpp"

namespace dm::log {
namespace {

std::atomic<log_level> level_now{log_level::info};
std::atomic<log_format> format_now{log_format::text};

spdlog::logger& sink() {
    static const auto logger = [] {
        auto l = spdlog::stderr_color_mt("distromash");
        l->set_pattern("%v");
        l->set_level(spdlog::level::trace);
        return l;
    }();
    return *logger;
}

std::string_view name(log_level level) {
    constexpr std::string_view names[] = {"trace", "debug", "info", "warn", "error", "off"};
    return names[static_cast<int>(level)];
}

void append_json(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

bool needs_quotes(std::string_view text) {
    for (const char c : text)
        if (c == ' ' || c == '"' || c == '=' || static_cast<unsigned char>(c) < 0x20)
            return true;
    return text.empty();
}

}  // namespace

void configure(log_level level, log_format format) {
    level_now = level;
    format_now = format;
}

bool enabled(log_level level) noexcept {
    return level >= level_now.load(std::memory_order_relaxed);
}

void write(log_level level, std::string_view event, fields f) {
    if (!enabled(level))
        return;
    const auto now = to_rfc3339(std::chrono::system_clock::now());
    std::string line;
    if (format_now == log_format::json) {
        line = fmt::format(R"({{"time":"{}","level":"{}","event":)", now, name(level));
        append_json(line, event);
        for (const auto& field : f) {
            line += ',';
            append_json(line, field.key);
            line += ':';
            if (field.quoted)
                append_json(line, field.value);
            else
                line += field.value;
        }
        line += '}';
    } else {
        line = fmt::format("{} {:5} {}", now, name(level), event);
        for (const auto& field : f) {
            line += ' ';
            line += field.key;
            line += '=';
            if (needs_quotes(field.value))
                append_json(line, field.value);
            else
                line += field.value;
        }
    }
    sink().log(spdlog::level::info, line);
}

}  // namespace dm::log
