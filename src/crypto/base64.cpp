#include "crypto/base64.hpp"

#include <array>
#include <cstdint>

namespace dm::crypto {
namespace {

constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool is_url(base64_form form) {
    return form == base64_form::url || form == base64_form::url_unpadded;
}

bool is_padded(base64_form form) {
    return form == base64_form::standard || form == base64_form::url;
}

char letter(unsigned value, base64_form form) {
    if (value < letters.size())
        return letters[value];
    if (value == 62)
        return is_url(form) ? '-' : '+';
    return is_url(form) ? '_' : '/';
}

/// 0..63, or -1 for a foreign letter.
int value_of(char c, base64_form form) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == letter(62, form))
        return 62;
    return c == letter(63, form) ? 63 : -1;
}

}  // namespace

std::string base64_encode(byte_view data, base64_form form) {
    std::string out;
    out.reserve((data.size() + 2) / 3 * 4);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const auto b : data) {
        bits = (bits << 8) | to_u8(b);
        for (count += 8; count >= 6; count -= 6)
            out += letter((bits >> (count - 6)) & 0x3f, form);
    }
    if (count > 0)
        out += letter((bits << (6 - count)) & 0x3f, form);
    while (is_padded(form) && out.size() % 4 != 0)
        out += '=';
    return out;
}

result<bytes> base64_decode(std::string_view text, base64_form form) {
    if (is_padded(form)) {
        if (text.size() % 4 != 0)
            return fail(errc::malformed_base64);
        for (int i = 0; i < 2 && text.ends_with('='); ++i)
            text.remove_suffix(1);
    }
    if (text.size() % 4 == 1)
        return fail(errc::malformed_base64);
    bytes out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const int value = value_of(c, form);
        if (value < 0)
            return fail(errc::malformed_base64);
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<std::byte>((bits >> count) & 0xff));
        }
    }
    if ((bits & ((1u << count) - 1)) != 0)
        return fail(errc::malformed_base64);
    return out;
}

}  // namespace dm::crypto
