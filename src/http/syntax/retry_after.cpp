#include "http/syntax/retry_after.hpp"

#include <array>

#include "http/syntax/scan.hpp"

namespace dm::syntax {
namespace {

using namespace std::chrono;

constexpr std::size_t date_text_max = 64;

std::optional<unsigned> take_number(std::string_view& text, std::size_t digits) {
    const auto value = parse_decimal(text.substr(0, digits));
    if (text.size() < digits || !value)
        return std::nullopt;
    text.remove_prefix(digits);
    return static_cast<unsigned>(*value);
}

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected))
        return false;
    text.remove_prefix(expected.size());
    return true;
}

std::optional<month> take_month(std::string_view& text) {
    constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto at = std::ranges::find(names, text.substr(0, 3));
    if (at == names.end())
        return std::nullopt;
    text.remove_prefix(3);
    return month{static_cast<unsigned>(at - names.begin()) + 1};
}

// "08:49:37"; a leap second counts as the last second of its minute.
std::optional<seconds> take_time(std::string_view& text) {
    const auto h = take_number(text, 2);
    if (!h || !take(text, ":"))
        return std::nullopt;
    const auto m = take_number(text, 2);
    if (!m || !take(text, ":"))
        return std::nullopt;
    const auto s = take_number(text, 2);
    if (!s || *h > 23 || *m > 59 || *s > 60)
        return std::nullopt;
    return hours{*h} + minutes{*m} + seconds{std::min(*s, 59u)};
}

struct date_parts {
    std::optional<unsigned> day;
    std::optional<month> mon;
    std::optional<unsigned> year_number;
    std::optional<seconds> time;
};

std::optional<wall_time> assemble(const date_parts& p) {
    if (!p.day || !p.mon || !p.year_number || !p.time)
        return std::nullopt;
    const year_month_day date{year{static_cast<int>(*p.year_number)}, *p.mon, day{*p.day}};
    // system_clock counts nanoseconds in 64 bits: years past 2262 do not fit.
    if (!date.ok() || *p.year_number < 1700 || *p.year_number > 2261)
        return std::nullopt;
    return wall_time{sys_days{date}} + *p.time;
}

unsigned full_year(unsigned two_digits, wall_time now) {
    const auto current = static_cast<int>(year_month_day{floor<days>(now)}.year());
    auto full = current / 100 * 100 + static_cast<int>(two_digits);
    if (full > current + 50)
        full -= 100;
    return static_cast<unsigned>(full);
}

// "06 Nov 1994 08:49:37 GMT" or "06-Nov-94 08:49:37 GMT"
std::optional<wall_time> parse_after_weekday(std::string_view text, wall_time now) {
    date_parts p;
    p.day = take_number(text, 2);
    const bool obsolete = text.starts_with('-');
    const std::string_view separator = obsolete ? "-" : " ";
    if (!take(text, separator))
        return std::nullopt;
    p.mon = take_month(text);
    if (!p.mon || !take(text, separator))
        return std::nullopt;
    p.year_number = take_number(text, obsolete ? 2 : 4);
    if (obsolete && p.year_number)
        p.year_number = full_year(*p.year_number, now);
    if (!take(text, " "))
        return std::nullopt;
    p.time = take_time(text);
    if (text != " GMT")
        return std::nullopt;
    return assemble(p);
}

// "Nov  6 08:49:37 1994"
std::optional<wall_time> parse_asctime(std::string_view text) {
    date_parts p;
    p.mon = take_month(text);
    if (!p.mon || !take(text, " "))
        return std::nullopt;
    p.day = take(text, " ") ? take_number(text, 1) : take_number(text, 2);
    if (!take(text, " "))
        return std::nullopt;
    p.time = take_time(text);
    if (!take(text, " "))
        return std::nullopt;
    p.year_number = take_number(text, 4);
    return text.empty() ? assemble(p) : std::nullopt;
}

}  // namespace

std::optional<wall_time> parse_http_date(std::string_view text, wall_time now) {
    text = trim(text);
    if (text.size() > date_text_max)
        return std::nullopt;
    if (const auto comma = text.find(", "); comma != std::string_view::npos)
        return parse_after_weekday(text.substr(comma + 2), now);
    const auto space = text.find(' ');
    return space == std::string_view::npos ? std::nullopt : parse_asctime(text.substr(space + 1));
}

std::optional<seconds> parse_retry_after(std::string_view text, wall_time now) {
    text = trim(text);
    if (!text.empty() && std::ranges::all_of(text, is_digit)) {
        const auto count = parse_decimal(text).value_or(~std::uint64_t{0});
        return seconds{std::min(count, static_cast<std::uint64_t>(retry_after_max.count()))};
    }
    const auto date = parse_http_date(text, now);
    if (!date || *date <= now)
        return std::nullopt;
    // In seconds, so that a clock that is centuries off cannot overflow the difference.
    return std::min(ceil<seconds>(*date) - floor<seconds>(now), retry_after_max);
}

}  // namespace dm::syntax
