#include "cli/output.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/format.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

constexpr std::size_t bar_width = 24;
constexpr std::size_t line_width_default = 80;
constexpr std::string_view clear_line = "\r\x1b[K";

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Letters, not bytes.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::string cut(std::string_view text, std::size_t letters) {
    std::size_t end = 0;
    for (; end < text.size(); ++end)
        if (!is_continuation(text[end]) && letters-- == 0)
            break;
    return std::string(text.substr(0, end));
}

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                             : line_width_default;
}

void write(std::FILE* to, std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), to) != text.size() || std::fflush(to) != 0)
        raise(errc::cannot_write, "the output cannot be written");
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return out;
}

void table::row(std::vector<std::string> cells) {
    for (auto& c : cells)
        c = printable(c);
    rows_.push_back(std::move(cells));
}

std::string table::text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& r : rows_)
        for (std::size_t i = 0; i < r.size(); ++i)
            widths[i] = std::max(widths[i], width(r[i]));
    std::string out;
    for (const auto& r : rows_) {
        std::string line;
        for (std::size_t i = 0; i < r.size(); ++i) {
            line += r[i];
            line.append(widths[i] - width(r[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

void print(std::string_view text) {
    write(stdout, text);
}

void print(const table& t) {
    print(t.text());
}

void print_json(const json& value) {
    print(value.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

std::string short_digest(std::string_view digest) {
    const auto colon = digest.find(':');
    return std::string(digest.substr(0, colon == std::string_view::npos ? 12 : colon + 13));
}

std::string progress_text(const json& status) {
    const auto total = number(status, "bytes_total");
    const auto done = number(status, "bytes_done");
    if (total == 0 || done >= total)
        return {};
    auto out = fmt::format("{} % of {}", 100 * done / total, to_size_text(total));
    if (const auto rate = number(status, "bytes_per_second"); rate > 0)
        out += fmt::format(", {}/s", to_size_text(rate));
    if (const auto from = text(status, "from"); !from.empty())
        out += fmt::format(", from {}", from);
    return out;
}

progress_line::progress_line() : shown_(::isatty(STDERR_FILENO) == 1) {}

void progress_line::show(std::string_view what, std::uint64_t done, std::uint64_t total,
                         std::uint64_t per_second) {
    if (!shown_)
        return;
    auto line = printable(what);
    if (total > 0) {
        const auto part = std::min(done, total);
        const auto filled = static_cast<std::size_t>(bar_width * part / total);
        line +=
            fmt::format("  [{:#<{}}{:.<{}}] {:3} %  {} of {}", "", filled, "", bar_width - filled,
                        100 * part / total, to_size_text(done), to_size_text(total));
    }
    if (per_second > 0) {
        line += fmt::format("  {}/s", to_size_text(per_second));
        if (total > done)
            line += fmt::format("  {} s left", (total - done) / per_second + 1);
    }
    write(stderr, std::string(clear_line) + cut(line, terminal_width() - 1));
    dirty_ = true;
}

void progress_line::clear() {
    if (std::exchange(dirty_, false))
        std::fputs(std::string(clear_line).c_str(), stderr);
}

}  // namespace dm::cli
