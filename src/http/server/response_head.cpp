#include "http/server/response_head.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <iterator>

namespace dm::server {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    for (const char c : value)
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
    struct entry {
        int status;
        std::string_view phrase;
    };
    static constexpr entry table[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (const auto& e : table)
        if (e.status == status)
            return e.phrase;
    return {};
}

std::string to_http_date(wall_time t) {
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    namespace ch = std::chrono;
    const auto day = ch::floor<ch::days>(t);
    const ch::year_month_day date(day);
    const ch::hh_mm_ss time(ch::floor<ch::seconds>(t - day));
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[ch::weekday(day).c_encoding()],
                       static_cast<unsigned>(date.day()),
                       months[static_cast<unsigned>(date.month()) - 1],
                       static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                       time.seconds().count());
}

std::string format_head(int status, const header_list& headers, const framing& f, wall_time now) {
    auto out = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
    append_field(out, "Date", to_http_date(now));
    for (const auto& h : headers)
        append_field(out, h.name, h.value);
    if (f.content_length)
        fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *f.content_length);
    if (f.chunked)
        out += "Transfer-Encoding: chunked\r\n";
    if (f.close)
        out += "Connection: close\r\n";
    out += "\r\n";
    return out;
}

}  // namespace dm::server
