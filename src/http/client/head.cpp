#include "http/client/head.hpp"

#include <algorithm>
#include <charconv>

#include "http/client/errc.hpp"

namespace dm::http {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace

const std::string* find_header(const header_list& headers, std::string_view name) noexcept {
    for (const auto& h : headers)
        if (equals_ignoring_case(h.name, name))
            return &h.value;
    return nullptr;
}

std::optional<std::uint64_t> response_head::content_length() const noexcept {
    const auto* text = find("Content-Length");
    if (!text)
        return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (code != std::errc{} || end != text->data() + text->size())
        return std::nullopt;
    return value;
}

result<bool> head_reader::line(std::string_view text) {
    if (complete_)
        return false;
    size_bytes_ += text.size();
    if (size_bytes_ > head_bytes_max)
        return fail(errc::malformed_answer, "its headers are larger than 64 KiB");
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.remove_suffix(1);
    if (!started_) {
        if (auto ok = status_line(text); !ok)
            return fail(std::move(ok.error()));
        return false;
    }
    if (!text.empty()) {
        if (auto ok = field(text); !ok)
            return fail(std::move(ok.error()));
        return false;
    }
    if (head_.status < 200) {
        head_ = {};
        started_ = false;
        return false;
    }
    complete_ = true;
    return true;
}

// "HTTP/1.1 200 OK"
result<void> head_reader::status_line(std::string_view text) {
    const auto space = text.find(' ');
    if (!text.starts_with("HTTP/") || space == std::string_view::npos || text.size() < space + 4)
        return fail(errc::malformed_answer, "its first line is no HTTP status line");
    const auto digits = text.substr(space + 1, 3);
    const auto [end, code] =
        std::from_chars(digits.data(), digits.data() + digits.size(), head_.status);
    if (code != std::errc{} || end != digits.data() + digits.size() || head_.status < 100)
        return fail(errc::malformed_answer, "its first line is no HTTP status line");
    started_ = true;
    return {};
}

result<void> head_reader::field(std::string_view text) {
    if (text.front() == ' ' || text.front() == '\t') {  // obsolete folding
        if (head_.headers.empty())
            return fail(errc::malformed_answer, "its headers start with a folded line");
        head_.headers.back().value.append(" ").append(trimmed(text));
        return {};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0)
        return fail(errc::malformed_answer, "a header line has no name");
    head_.headers.push_back({std::string(trimmed(text.substr(0, colon))),
                             std::string(trimmed(text.substr(colon + 1)))});
    return {};
}

}  // namespace dm::http
