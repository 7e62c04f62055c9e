#include "multiformats/multiaddr_value.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/hex.hpp"

namespace dm::multiformats {
namespace {

constexpr protocol_entry table[] = {
    {"ip4", protocol::ip4, value_kind::ip4, 4},
    {"tcp", protocol::tcp, value_kind::number, 2},
    {"ip6", protocol::ip6, value_kind::ip6, 16},
    {"ip6zone", protocol::ip6zone, value_kind::host, any_size},
    {"ipcidr", protocol::ipcidr, value_kind::number, 1},
    {"dns", protocol::dns, value_kind::host, any_size},
    {"dns4", protocol::dns4, value_kind::host, any_size},
    {"dns6", protocol::dns6, value_kind::host, any_size},
    {"dnsaddr", protocol::dnsaddr, value_kind::host, any_size},
    {"udp", protocol::udp, value_kind::number, 2},
    {"webrtc-direct", protocol::webrtc_direct, value_kind::none, 0},
    {"webrtc", protocol::webrtc, value_kind::none, 0},
    {"p2p-circuit", protocol::p2p_circuit, value_kind::none, 0},
    {"unix", protocol::unix_path, value_kind::path, any_size},
    {"p2p", protocol::p2p, value_kind::peer, any_size},
    {"https", protocol::https, value_kind::none, 0},
    {"tls", protocol::tls, value_kind::none, 0},
    {"sni", protocol::sni, value_kind::host, any_size},
    {"noise", protocol::noise, value_kind::none, 0},
    {"quic", protocol::quic, value_kind::none, 0},
    {"quic-v1", protocol::quic_v1, value_kind::none, 0},
    {"webtransport", protocol::webtransport, value_kind::none, 0},
    {"certhash", protocol::certhash, value_kind::hash, any_size},
    {"ws", protocol::ws, value_kind::none, 0},
    {"wss", protocol::wss, value_kind::none, 0},
    {"http", protocol::http, value_kind::none, 0},
    {"http-path", protocol::http_path, value_kind::http_path, any_size},
    {"memory", protocol::memory, value_kind::number, 8},
};

bool is_control(char c) {
    return (c >= 0 && c < 0x20) || c == 0x7f;
}

/// A name goes into logs and between slashes: no control letters, no slash.
bool is_name(std::string_view text) {
    return !text.empty() && text.find('/') == std::string_view::npos &&
           std::ranges::none_of(text, is_control);
}

bool is_path(std::string_view text) {
    return text.size() > 1 && text.starts_with('/') && !text.ends_with('/') &&
           text.find("//") == std::string_view::npos && std::ranges::none_of(text, is_control);
}

std::optional<bytes> number_from_text(std::string_view text, std::size_t size) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    if (size < 8 && value >> (8 * size) != 0)
        return std::nullopt;
    bytes out;
    for (std::size_t i = size; i-- > 0;)
        out.push_back(static_cast<std::byte>((value >> (8 * i)) & 0xff));
    return out;
}

std::string number_to_text(byte_view value) {
    std::uint64_t number = 0;
    for (const auto b : value)
        number = (number << 8) | to_u8(b);
    return std::to_string(number);
}

std::optional<bytes> ip_from_text(int family, std::string_view text, std::size_t size) {
    bytes out(size);
    if (text.find('\0') != std::string_view::npos ||
        inet_pton(family, std::string(text).c_str(), out.data()) != 1)
        return std::nullopt;
    return out;
}

std::string ip4_to_text(byte_view value) {
    std::string out;
    for (const auto b : value) {
        if (!out.empty())
            out += '.';
        out += std::to_string(to_u8(b));
    }
    return out;
}

/// First group and length of the longest run of zero groups; runs of one do not count.
std::pair<std::size_t, std::size_t> longest_zero_run(const std::array<unsigned, 8>& groups) {
    std::pair<std::size_t, std::size_t> best{groups.size(), 1};
    for (std::size_t i = 0; i < groups.size();) {
        std::size_t end = i;
        while (end < groups.size() && groups[end] == 0)
            ++end;
        if (end - i > best.second)
            best = {i, end - i};
        i = std::max(end, i + 1);
    }
    return best;
}

// RFC 5952. inet_ntop would print ::a.b.c.d for addresses that others print in hex.
std::string ip6_to_text(byte_view value) {
    constexpr std::array<std::byte, 12> mapped = {
        {{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::byte{0xff}, std::byte{0xff}}};
    if (std::ranges::equal(value.first(12), mapped))
        return "::ffff:" + ip4_to_text(value.subspan(12));
    std::array<unsigned, 8> groups;
    for (std::size_t i = 0; i < groups.size(); ++i)
        groups[i] = (unsigned{to_u8(value[2 * i])} << 8) | to_u8(value[2 * i + 1]);
    const auto [start, length] = longest_zero_run(groups);
    std::string out;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (i == start) {
            out += "::";
            i += length - 1;
            continue;
        }
        if (!out.empty() && !out.ends_with(':'))
            out += ':';
        std::array<char, 4> hex;
        const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), groups[i], 16).ptr;
        out.append(hex.data(), end);
    }
    return out;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::string percent_encode(byte_view value) {
    std::string out;
    for (const auto b : value) {
        const auto c = static_cast<char>(to_u8(b));
        if (is_unreserved(c)) {
            out += c;
        } else {
            out += '%';
            for (const char digit : to_hex({&b, 1}))
                out += digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit;
        }
    }
    return out;
}

std::optional<bytes> percent_decode(std::string_view text) {
    bytes out;
    while (!text.empty()) {
        if (text[0] != '%') {
            append(out, text.substr(0, 1));
            text.remove_prefix(1);
            continue;
        }
        const auto b = from_hex(text.substr(1, 2));
        if (!b || b->size() != 1)
            return std::nullopt;
        append(out, *b);
        text.remove_prefix(3);
    }
    return out;
}

std::optional<bytes> peer_from_text(std::string_view text) {
    const auto id = parse_peer_id(text);
    if (!id)
        return std::nullopt;
    return to_bytes(id->bytes());
}

std::optional<bytes> hash_from_text(std::string_view text) {
    auto decoded_text = multibase_decode(text);
    if (!decoded_text)
        return std::nullopt;
    return std::move(decoded_text->value);
}

}  // namespace

const protocol_entry* find_protocol(std::string_view name) noexcept {
    if (name == "ipfs")
        name = "p2p";
    const auto* entry = std::ranges::find(table, name, &protocol_entry::name);
    return entry == std::end(table) ? nullptr : entry;
}

const protocol_entry* find_protocol(std::uint64_t code) noexcept {
    if (code > std::numeric_limits<std::uint32_t>::max())
        return nullptr;
    const auto* entry =
        std::ranges::find(table, static_cast<protocol>(code), &protocol_entry::code);
    return entry == std::end(table) ? nullptr : entry;
}

bool is_valid_value(const protocol_entry& entry, byte_view value) {
    switch (entry.kind) {
        case value_kind::host:
            return is_name(as_chars(value));
        case value_kind::path:
            return is_path(as_chars(value));
        case value_kind::http_path:
            return !value.empty();
        case value_kind::peer:
            return peer_id::from_bytes(value).has_value();
        case value_kind::hash:
            return parse_multihash(value).has_value();
        default:
            return value.size() == entry.size;
    }
}

std::optional<bytes> value_from_text(const protocol_entry& entry, std::string_view text) {
    switch (entry.kind) {
        case value_kind::none:
            return bytes{};
        case value_kind::ip4:
            return ip_from_text(AF_INET, text, entry.size);
        case value_kind::ip6:
            return ip_from_text(AF_INET6, text, entry.size);
        case value_kind::number:
            return number_from_text(text, entry.size);
        case value_kind::host:
        case value_kind::path:
            return to_bytes(text);
        case value_kind::http_path:
            return percent_decode(text);
        case value_kind::peer:
            return peer_from_text(text);
        case value_kind::hash:
            return hash_from_text(text);
    }
    return std::nullopt;
}

std::string value_to_text(const protocol_entry& entry, byte_view value) {
    switch (entry.kind) {
        case value_kind::none:
            return {};
        case value_kind::ip4:
            return ip4_to_text(value);
        case value_kind::ip6:
            return ip6_to_text(value);
        case value_kind::number:
            return number_to_text(value);
        case value_kind::host:
        case value_kind::path:
            return std::string(as_chars(value));
        case value_kind::http_path:
            return percent_encode(value);
        case value_kind::peer:
            return base58_encode(value);
        case value_kind::hash:
            return multibase_encode(multibase::base64url, value);
    }
    return {};
}

}  // namespace dm::multiformats
