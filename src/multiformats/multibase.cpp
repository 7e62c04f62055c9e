#include "multiformats/multibase.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/hex.hpp"
#include "crypto/base64.hpp"

namespace dm::multiformats {
namespace {

using crypto::base64_form;

constexpr std::string_view base58_alphabet =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::string_view base36_alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view base32_alphabet = "abcdefghijklmnopqrstuvwxyz234567";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void to_upper(std::string& text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
}

/// Big-integer conversion; each leading zero byte is one leading zero digit.
std::string positional_encode(byte_view data, std::string_view alphabet) {
    const auto base = static_cast<unsigned>(alphabet.size());
    const auto first = std::ranges::find_if(data, [](std::byte b) { return b != std::byte{0}; });
    const auto zeros = static_cast<std::size_t>(first - data.begin());
    std::vector<std::uint8_t> digits;  // least significant first
    digits.reserve(data.size() * 2);
    for (const auto b : data.subspan(zeros)) {
        unsigned carry = to_u8(b);
        for (auto& digit : digits) {
            carry += unsigned{digit} << 8;
            digit = static_cast<std::uint8_t>(carry % base);
            carry /= base;
        }
        for (; carry > 0; carry /= base)
            digits.push_back(static_cast<std::uint8_t>(carry % base));
    }
    std::string out(zeros, alphabet[0]);
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit)
        out += alphabet[*digit];
    return out;
}

result<bytes> positional_decode(std::string_view text, std::string_view alphabet, bool fold_case) {
    if (text.size() > positional_text_max)
        return fail(errc::too_long);
    const auto base = static_cast<unsigned>(alphabet.size());
    const auto zeros = std::min(text.find_first_not_of(alphabet[0]), text.size());
    bytes little;  // least significant first
    for (const char c : text.substr(zeros)) {
        const auto value = alphabet.find(fold_case ? lower(c) : c);
        if (value == std::string_view::npos)
            return fail(errc::malformed_multibase);
        auto carry = static_cast<unsigned>(value);
        for (auto& b : little) {
            carry += to_u8(b) * base;
            b = static_cast<std::byte>(carry & 0xff);
            carry >>= 8;
        }
        for (; carry > 0; carry >>= 8)
            little.push_back(static_cast<std::byte>(carry & 0xff));
    }
    bytes out(zeros);
    out.insert(out.end(), little.rbegin(), little.rend());
    return out;
}

int base32_value(char c) {
    const char folded = lower(c);
    if (folded >= 'a' && folded <= 'z')
        return folded - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

result<bytes> base32_padded_decode(std::string_view text) {
    if (text.size() % 8 != 0)
        return fail(errc::malformed_multibase);
    const auto last = text.find_last_not_of('=');
    const auto bare = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    if (text.size() - bare.size() >= 8)
        return fail(errc::malformed_multibase);
    return base32_decode(bare);
}

result<bytes> base64_checked(std::string_view text, base64_form form) {
    auto out = crypto::base64_decode(text, form);
    if (!out)
        return fail(errc::malformed_multibase);
    return *std::move(out);
}

result<bytes> decode_payload(multibase base, std::string_view text) {
    switch (base) {
        case multibase::base16:
        case multibase::base16_upper:
            if (auto out = from_hex(text))
                return *std::move(out);
            return fail(errc::malformed_multibase);
        case multibase::base32:
        case multibase::base32_upper:
            return base32_decode(text);
        case multibase::base32_padded:
        case multibase::base32_padded_upper:
            return base32_padded_decode(text);
        case multibase::base36:
        case multibase::base36_upper:
            return positional_decode(text, base36_alphabet, true);
        case multibase::base58btc:
            return base58_decode(text);
        case multibase::base64:
            return base64_checked(text, base64_form::standard_unpadded);
        case multibase::base64_padded:
            return base64_checked(text, base64_form::standard);
        case multibase::base64url:
            return base64_checked(text, base64_form::url_unpadded);
        case multibase::base64url_padded:
            return base64_checked(text, base64_form::url);
    }
    return fail(errc::malformed_multibase, "unknown multibase");
}

std::string encode_payload(multibase base, byte_view data) {
    switch (base) {
        case multibase::base16:
        case multibase::base16_upper:
            return to_hex(data);
        case multibase::base32:
        case multibase::base32_upper:
            return base32_encode(data);
        case multibase::base32_padded:
        case multibase::base32_padded_upper: {
            auto out = base32_encode(data);
            out.append((8 - out.size() % 8) % 8, '=');
            return out;
        }
        case multibase::base36:
        case multibase::base36_upper:
            return positional_encode(data, base36_alphabet);
        case multibase::base58btc:
            return base58_encode(data);
        case multibase::base64:
            return crypto::base64_encode(data, base64_form::standard_unpadded);
        case multibase::base64_padded:
            return crypto::base64_encode(data, base64_form::standard);
        case multibase::base64url:
            return crypto::base64_encode(data, base64_form::url_unpadded);
        case multibase::base64url_padded:
            return crypto::base64_encode(data, base64_form::url);
    }
    return {};
}

bool is_upper_case_form(multibase base) {
    return base == multibase::base16_upper || base == multibase::base32_upper ||
           base == multibase::base32_padded_upper || base == multibase::base36_upper;
}

}  // namespace

std::string multibase_encode(multibase base, byte_view data) {
    auto payload = encode_payload(base, data);
    if (is_upper_case_form(base))
        to_upper(payload);
    return static_cast<char>(base) + payload;
}

result<multibase_text> multibase_decode(std::string_view text) {
    if (text.empty())
        return fail(errc::malformed_multibase);
    const auto base = static_cast<multibase>(text[0]);
    auto value = decode_payload(base, text.substr(1));
    if (!value)
        return std::unexpected(std::move(value.error()));
    return multibase_text{base, *std::move(value)};
}

std::string base58_encode(byte_view data) {
    return positional_encode(data, base58_alphabet);
}

result<bytes> base58_decode(std::string_view text) {
    return positional_decode(text, base58_alphabet, false);
}

std::string base32_encode(byte_view data) {
    std::string out;
    out.reserve((data.size() * 8 + 4) / 5);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const auto b : data) {
        bits = (bits << 8) | to_u8(b);
        for (count += 8; count >= 5; count -= 5)
            out += base32_alphabet[(bits >> (count - 5)) & 0x1f];
    }
    if (count > 0)
        out += base32_alphabet[(bits << (5 - count)) & 0x1f];
    return out;
}

result<bytes> base32_decode(std::string_view text) {
    bytes out;
    out.reserve(text.size() * 5 / 8);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const int value = base32_value(c);
        if (value < 0)
            return fail(errc::malformed_multibase);
        bits = (bits << 5) | static_cast<std::uint32_t>(value);
        count += 5;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<std::byte>((bits >> count) & 0xff));
        }
    }
    // Five or more left-over bits are a whole letter too many.
    if (count >= 5 || (bits & ((1u << count) - 1)) != 0)
        return fail(errc::malformed_multibase);
    return out;
}

}  // namespace dm::multiformats
