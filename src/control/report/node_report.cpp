#include "control/report/node_report.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "multiformats/protobuf.hpp"

namespace dm::report {
namespace {

using multiformats::proto_field;
using multiformats::wire_type;

constexpr std::size_t strategy_id_size = 16;
constexpr std::size_t mark_size = std::tuple_size_v<decltype(image_mark::value)>;

enum report_field : std::uint32_t {
    report_started = 1,
    report_engine = 2,
    report_engine_state = 3,
    report_disk_free = 4,
    report_line = 5,
    report_held = 6,
};

enum line_field : std::uint32_t {
    line_strategy = 1,
    line_state = 2,
    line_reason = 3,
    line_done = 4,
    line_total = 5,
    line_rate = 6,
    line_from = 7,
    line_next_try = 8,
};

/// At most text_max bytes, not ending within a character of UTF-8.
std::string_view cut(std::string_view text) {
    if (text.size() <= text_max)
        return text;
    auto size = text_max;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
        --size;
    return text.substr(0, size);
}

void append_text(bytes& out, std::uint32_t number, std::string_view text) {
    if (!text.empty())
        multiformats::append_proto_bytes(out, number, as_bytes(cut(text)));
}

void append_number(bytes& out, std::uint32_t number, std::uint64_t value) {
    if (value != 0)
        multiformats::append_proto_varint(out, number, value);
}

std::uint64_t to_milliseconds(wall_time t) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch());
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, ms.count()));
}

/// nullopt for what no wall_time reaches.
std::optional<wall_time> from_milliseconds(std::uint64_t value) {
    constexpr auto max =
        std::chrono::duration_cast<std::chrono::milliseconds>(wall_time::max().time_since_epoch());
    if (value > static_cast<std::uint64_t>(max.count()))
        return std::nullopt;
    return wall_time{std::chrono::milliseconds(static_cast<std::int64_t>(value))};
}

bytes encode_line(const strategy_line& l, bool with_texts) {
    bytes out;
    const auto& s = l.status;
    append_number(out, line_strategy, l.strategy);
    append_number(out, line_state, static_cast<std::uint64_t>(s.state));
    if (with_texts)
        append_text(out, line_reason, s.reason);
    append_number(out, line_done, s.bytes_done);
    append_number(out, line_total, s.bytes_total);
    append_number(out, line_rate, s.bytes_per_second);
    if (with_texts)
        append_text(out, line_from, s.from);
    if (s.next_try)
        multiformats::append_proto_varint(out, line_next_try, to_milliseconds(*s.next_try));
    return out;
}

/// Everything but the lines.
bytes encode_head(const node_report& r) {
    bytes out;
    append_number(out, report_started, to_milliseconds(r.started));
    append_text(out, report_engine, r.engine);
    append_text(out, report_engine_state, r.engine_state);
    append_number(out, report_disk_free, r.disk_free_bytes);
    bytes marks;
    for (std::size_t i = 0; i < std::min(r.held.size(), held_max); ++i)
        append(marks, r.held[i].value);
    if (!marks.empty())
        multiformats::append_proto_bytes(out, report_held, marks);
    return out;
}

/// False when the lines do not fit.
bool append_lines(bytes& out, const node_report& r, bool with_texts, std::size_t bytes_max) {
    for (std::size_t i = 0; i < std::min(r.lines.size(), lines_max); ++i) {
        const auto before = out.size();
        multiformats::append_proto_bytes(out, report_line, encode_line(r.lines[i], with_texts));
        if (out.size() > bytes_max) {
            out.resize(before);
            return false;
        }
    }
    return true;
}

bool take_text(std::string& into, const proto_field& f) {
    if (f.type != wire_type::bytes || f.data.size() > text_max)
        return false;
    into = as_chars(f.data);
    return true;
}

bool take_number(std::uint64_t& into, const proto_field& f) {
    into = f.value;
    return f.type == wire_type::varint;
}

bool take_time(std::optional<wall_time>& into, const proto_field& f) {
    into = from_milliseconds(f.value);
    return f.type == wire_type::varint && into.has_value();
}

/// Calls `take` for each field, until it says false.
template <class Take>
bool for_each(byte_view data, Take take) {
    multiformats::proto_reader reader(data);
    for (;;) {
        const auto f = reader.next();
        if (!f)
            return false;
        if (!*f)
            return true;
        if (!take(**f))
            return false;
    }
}

/// False for what is none; `is_known` tells whether this version knows the state.
bool take_line(strategy_line& into, bool& is_known, byte_view data) {
    std::uint64_t state = 0;
    auto& s = into.status;
    const bool ok = for_each(data, [&](const proto_field& f) {
        switch (f.number) {
            case line_strategy:
                return take_number(into.strategy, f);
            case line_state:
                return take_number(state, f);
            case line_reason:
                return take_text(s.reason, f);
            case line_done:
                return take_number(s.bytes_done, f);
            case line_total:
                return take_number(s.bytes_total, f);
            case line_rate:
                return take_number(s.bytes_per_second, f);
            case line_from:
                return take_text(s.from, f);
            case line_next_try:
                return take_time(s.next_try, f);
            default:
                return true;
        }
    });
    is_known = state <= static_cast<std::uint64_t>(image_state_last);
    if (is_known)
        s.state = static_cast<image_state>(state);
    return ok;
}

bool take_held(std::vector<image_mark>& into, const proto_field& f) {
    if (f.type != wire_type::bytes || f.data.size() % mark_size != 0 ||
        f.data.size() / mark_size > held_max - into.size())
        return false;
    for (auto rest = f.data; !rest.empty(); rest = rest.subspan(mark_size))
        std::ranges::copy(rest.first(mark_size), into.emplace_back().value.begin());
    return true;
}

bool take(node_report& into, const proto_field& f) {
    switch (f.number) {
        case report_started: {
            std::optional<wall_time> started;
            if (!take_time(started, f))
                return false;
            into.started = *started;
            return true;
        }
        case report_engine:
            return take_text(into.engine, f);
        case report_engine_state:
            return take_text(into.engine_state, f);
        case report_disk_free:
            return take_number(into.disk_free_bytes, f);
        case report_line: {
            strategy_line line;
            bool is_known = false;
            if (f.type != wire_type::bytes || into.lines.size() >= lines_max ||
                !take_line(line, is_known, f.data))
                return false;
            if (is_known)
                into.lines.push_back(std::move(line));
            return true;
        }
        case report_held:
            return take_held(into.held, f);
        default:
            return true;
    }
}

}  // namespace

std::optional<std::uint64_t> strategy_number(std::string_view id) {
    std::uint64_t out = 0;
    const auto* end = id.data() + id.size();
    const auto read = std::from_chars(id.data(), end, out, 16);
    if (id.size() != strategy_id_size || read.ec != std::errc{} || read.ptr != end ||
        strategy_id(out) != id)
        return std::nullopt;
    return out;
}

std::string strategy_id(std::uint64_t number) {
    std::string out(strategy_id_size, '0');
    for (std::size_t i = strategy_id_size; number != 0; number >>= 4)
        out[--i] = "0123456789abcdef"[number & 0xf];
    return out;
}

image_mark mark_of(const crypto::digest& image) noexcept {
    image_mark out;
    std::ranges::copy(image.value().first(mark_size), out.value.begin());
    return out;
}

const strategy_line* node_report::find(std::uint64_t strategy) const noexcept {
    const auto at = std::ranges::lower_bound(lines, strategy, {}, &strategy_line::strategy);
    return at == lines.end() || at->strategy != strategy ? nullptr : &*at;
}

bool node_report::holds(const crypto::digest& image) const noexcept {
    return std::ranges::binary_search(held, mark_of(image));
}

std::string encode(const node_report& r, std::size_t bytes_max) {
    const auto head = encode_head(r);
    auto out = head;
    if (!append_lines(out, r, true, bytes_max)) {
        out = head;
        append_lines(out, r, false, bytes_max);
    }
    return std::string{as_chars(out)};
}

std::optional<node_report> decode(std::string_view data) {
    node_report out;
    if (!for_each(as_bytes(data), [&](const proto_field& f) { return take(out, f); }))
        return std::nullopt;
    std::ranges::sort(out.lines, {}, &strategy_line::strategy);
    const auto repeated = std::ranges::unique(out.lines, {}, &strategy_line::strategy);
    out.lines.erase(repeated.begin(), repeated.end());
    std::ranges::sort(out.held);
    return out;
}

bool only_progress_differs(const node_report& a, const node_report& b) {
    const auto same = [](const strategy_line& x, const strategy_line& y) {
        return x.strategy == y.strategy && x.status.state == y.status.state &&
               x.status.reason == y.status.reason && x.status.from == y.status.from &&
               x.status.bytes_total == y.status.bytes_total;
    };
    return a.started == b.started && a.engine == b.engine && a.engine_state == b.engine_state &&
           a.held == b.held && std::ranges::equal(a.lines, b.lines, same);
}

}  // namespace dm::report
