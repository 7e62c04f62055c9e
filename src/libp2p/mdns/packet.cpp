#include "libp2p/mdns/packet.hpp"

#include <algorithm>
#include <optional>

namespace dm::mdns {
namespace {

constexpr std::size_t header_bytes = 12;
constexpr std::size_t label_bytes_max = 63;
constexpr std::size_t text_bytes_max = 255;
constexpr std::uint16_t answer_flags = 0x8400;  // response, authoritative
constexpr std::uint16_t class_internet = 1;
/// Jumps within one name: each goes backwards, so this is never reached by an honest sender.
constexpr int jumps_max = 16;

class cursor {
  public:
    explicit cursor(byte_view all) : all_(all) {}

    bool fails() const noexcept { return fails_; }
    std::size_t at() const noexcept { return at_; }
    bool has(std::size_t n) {
        fails_ = fails_ || n > all_.size() - at_;
        return !fails_;
    }
    std::uint8_t u8() { return has(1) ? to_u8(all_[at_++]) : std::uint8_t{0}; }
    std::uint16_t u16() {
        const auto high = u8();
        return static_cast<std::uint16_t>(high << 8 | u8());
    }
    std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }
    byte_view take(std::size_t n) {
        if (!has(n))
            return {};
        at_ += n;
        return all_.subspan(at_ - n, n);
    }

    /// A name, whose end may be somewhere before it.
    std::string name() {
        std::string out;
        std::optional<std::size_t> back;
        for (int jumps = 0; !fails_;) {
            const auto size = u8();
            if (size == 0)
                break;
            if ((size & 0xc0) == 0xc0) {
                const auto begin = at_ - 1;
                const std::size_t target = static_cast<std::size_t>(size & 0x3f) << 8 | u8();
                if (!back)
                    back = at_;
                fails_ = fails_ || target >= begin || ++jumps > jumps_max;
                if (!fails_)
                    at_ = target;
                continue;
            }
            if (size > label_bytes_max || out.size() + size + 1 > name_bytes_max) {
                fails_ = true;
                break;
            }
            if (!out.empty())
                out += '.';
            for (const auto c : as_chars(take(size)))
                out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        if (back)
            at_ = *back;
        return out;
    }

  private:
    byte_view all_;
    std::size_t at_ = 0;
    bool fails_ = false;
};

/// Reads one record; false for one of a type that is read over.
bool read_record(cursor& in, resource& out) {
    out.name = in.name();
    out.type = static_cast<record_type>(in.u16());
    in.u16();  // class, and whether caches are to be flushed
    out.ttl_seconds = in.u32();
    const std::size_t size = in.u16();
    if (!in.has(size))
        return false;
    const auto end = in.at() + size;
    if (out.type == record_type::ptr) {
        out.target = in.name();
    } else if (out.type == record_type::txt) {
        while (!in.fails() && in.at() < end)
            out.texts.emplace_back(as_chars(in.take(in.u8())));
    } else {
        in.take(size);
        return false;
    }
    // What a record says must be as long as it says.
    if (in.at() != end)
        in.has(SIZE_MAX / 2);
    return true;
}

void append_u16(bytes& out, std::size_t value) {
    out.push_back(static_cast<std::byte>(value >> 8 & 0xff));
    out.push_back(static_cast<std::byte>(value & 0xff));
}

void append_name(bytes& out, std::string_view name) {
    while (!name.empty()) {
        const auto dot = std::min(name.find('.'), name.size());
        const auto label = name.substr(0, std::min(dot, label_bytes_max));
        out.push_back(static_cast<std::byte>(label.size()));
        append(out, label);
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    out.push_back(std::byte{0});
}

void append_record(bytes& out, const resource& r) {
    append_name(out, r.name);
    append_u16(out, static_cast<std::uint16_t>(r.type));
    append_u16(out, class_internet);
    append_u16(out, r.ttl_seconds >> 16);
    append_u16(out, r.ttl_seconds & 0xffff);
    bytes data;
    if (r.type == record_type::ptr)
        append_name(data, r.target);
    for (const auto& text : r.texts)
        if (r.type == record_type::txt && text.size() <= text_bytes_max) {
            data.push_back(static_cast<std::byte>(text.size()));
            append(data, text);
        }
    append_u16(out, data.size());
    append(out, data);
}

}  // namespace

result<packet> decode_packet(byte_view data) {
    if (data.size() < header_bytes || data.size() > packet_bytes_max)
        return fail(errc::malformed_packet);
    cursor in(data);
    packet out;
    out.id = in.u16();
    const auto flags = in.u16();
    out.is_answer = (flags & 0x8000) != 0;
    if ((flags & 0x7800) != 0)
        return fail(errc::malformed_packet, "not a query");
    const std::size_t questions = in.u16();
    std::size_t records = in.u16();
    records += in.u16();
    records += in.u16();
    if (questions > entries_max || records > entries_max)
        return fail(errc::malformed_packet, "too many entries");
    for (std::size_t i = 0; i < questions && !in.fails(); ++i) {
        question q{.name = in.name(), .type = static_cast<record_type>(in.u16())};
        in.u16();  // class, and whether the answer may be unicast
        out.questions.push_back(std::move(q));
    }
    for (std::size_t i = 0; i < records && !in.fails(); ++i) {
        resource r;
        if (read_record(in, r))
            out.records.push_back(std::move(r));
    }
    if (in.fails())
        return fail(errc::malformed_packet);
    return out;
}

bytes encode_packet(const packet& p) {
    bytes out;
    append_u16(out, p.id);
    append_u16(out, p.is_answer ? answer_flags : 0);
    append_u16(out, p.questions.size());
    append_u16(out, p.records.size());
    append_u16(out, 0);
    append_u16(out, 0);
    for (const auto& q : p.questions) {
        append_name(out, q.name);
        append_u16(out, static_cast<std::uint16_t>(q.type));
        append_u16(out, class_internet);
    }
    for (const auto& r : p.records)
        append_record(out, r);
    return out;
}

}  // namespace dm::mdns
