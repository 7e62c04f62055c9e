#include "libp2p/kad/address_filter.hpp"

#include <algorithm>

namespace dm::kad {
namespace {

using multiformats::protocol;

reach reach_of_ip4(byte_view ip) {
    const auto a = to_u8(ip[0]);
    const auto b = to_u8(ip[1]);
    if (a == 127)
        return reach::loopback;
    if (a == 0 || a >= 224)
        return reach::nowhere;
    const bool is_shared = a == 100 && b >= 64 && b < 128;  // RFC 6598
    const bool is_private = a == 10 || (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168);
    if (is_private || is_shared || (a == 169 && b == 254))
        return reach::local;
    return reach::everywhere;
}

reach reach_of_ip6(byte_view ip) {
    const auto a = to_u8(ip[0]);
    const auto b = to_u8(ip[1]);
    const bool is_mapped =
        std::ranges::all_of(ip.first(10), [](std::byte x) { return x == std::byte{}; }) &&
        to_u8(ip[10]) == 0xff && to_u8(ip[11]) == 0xff;
    if (is_mapped)
        return reach_of_ip4(ip.subspan(12));
    if (std::ranges::all_of(ip.first(15), [](std::byte x) { return x == std::byte{}; }))
        return to_u8(ip[15]) == 1 ? reach::loopback : reach::nowhere;
    if (a == 0xff)
        return reach::nowhere;
    if ((a & 0xfe) == 0xfc || (a == 0xfe && (b & 0xc0) == 0x80))
        return reach::local;
    return reach::everywhere;
}

reach reach_of_name(std::string_view name) {
    if (name == "localhost" || name.ends_with(".localhost"))
        return reach::loopback;
    return name.ends_with(".local") ? reach::local : reach::everywhere;
}

}  // namespace

reach reach_of(const multiformats::multiaddr& a) {
    const auto parts = a.components();
    const auto is_relay = [](const auto& c) { return c.code == protocol::p2p_circuit; };
    if (parts.empty() || std::ranges::any_of(parts, is_relay))
        return reach::nowhere;
    const auto& first =
        parts[0].code == protocol::ip6zone && parts.size() > 1 ? parts[1] : parts[0];
    switch (first.code) {
        case protocol::ip4:
            return reach_of_ip4(first.value);
        case protocol::ip6:
            return reach_of_ip6(first.value);
        case protocol::dns:
        case protocol::dns4:
        case protocol::dns6:
        case protocol::dnsaddr:
            return reach_of_name(as_chars(first.value));
        case protocol::memory:
            return reach::loopback;
        default:
            return reach::nowhere;
    }
}

}  // namespace dm::kad
