#include "libp2p/host/net_address.hpp"

#include "libp2p/host/dnsaddr.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

namespace dm::host {
namespace {

namespace ip = boost::asio::ip;
using multiformats::multiaddr_component;
using multiformats::protocol;

std::optional<std::uint16_t> port_of(const multiaddr_component& c) {
    if (c.code != protocol::tcp)
        return std::nullopt;
    return static_cast<std::uint16_t>(to_u8(c.value[0]) << 8 | to_u8(c.value[1]));
}

/// The two components of a TCP address, without the peer at its end.
std::optional<std::pair<multiaddr_component, std::uint16_t>> host_and_port(
    const std::vector<multiaddr_component>& all) {
    if (all.size() < 2 || all.size() > 3 || (all.size() == 3 && all[2].code != protocol::p2p))
        return std::nullopt;
    const auto port = port_of(all[1]);
    if (!port)
        return std::nullopt;
    return std::pair{all[0], *port};
}

std::optional<ip::address> ip_of(const multiaddr_component& c) {
    if (c.code == protocol::ip4) {
        ip::address_v4::bytes_type raw;
        std::memcpy(raw.data(), c.value.data(), raw.size());
        return ip::address_v4(raw);
    }
    if (c.code == protocol::ip6) {
        ip::address_v6::bytes_type raw;
        std::memcpy(raw.data(), c.value.data(), raw.size());
        const ip::address_v6 out(raw);
        if (out.is_v4_mapped())
            return ip::make_address_v4(ip::v4_mapped, out);
        return out;
    }
    return std::nullopt;
}

reach reach_of(const ip::address& a) {
    if (a.is_loopback())
        return reach::loopback;
    if (a.is_v6()) {
        const auto v6 = a.to_v6();
        const bool unique_local = (v6.to_bytes()[0] & 0xfe) == 0xfc;
        return v6.is_link_local() || unique_local ? reach::local : reach::global;
    }
    const auto n = a.to_v4().to_uint();
    const bool is_local = n >> 24 == 10 || n >> 20 == 0xac1 || n >> 16 == 0xc0a8 ||
                          n >> 16 == 0xa9fe || n >> 22 == (100u << 2 | 1);
    return is_local ? reach::local : reach::global;
}

}  // namespace

std::optional<ip::tcp::endpoint> to_endpoint(const multiaddr& address) {
    const auto all = address.components();
    const auto parts = host_and_port(all);
    const auto host = parts ? ip_of(parts->first) : std::nullopt;
    if (!host)
        return std::nullopt;
    return ip::tcp::endpoint(*host, parts->second);
}

multiaddr to_multiaddr(const ip::tcp::endpoint& endpoint) {
    auto host = endpoint.address();
    if (host.is_v6() && host.to_v6().is_v4_mapped())
        host = ip::make_address_v4(ip::v4_mapped, host.to_v6());
    if (host.is_v6()) {
        auto v6 = host.to_v6();
        v6.scope_id(0);
        host = v6;
    }
    return value_or_throw(multiformats::parse_multiaddr((host.is_v4() ? "/ip4/" : "/ip6/") +
                                                        host.to_string() + "/tcp/" +
                                                        std::to_string(endpoint.port())));
}

std::optional<dns_name> to_dns_name(const multiaddr& address) {
    const auto all = address.components();
    const auto parts = host_and_port(all);
    if (!parts)
        return std::nullopt;
    const auto code = parts->first.code;
    if (code != protocol::dns && code != protocol::dns4 && code != protocol::dns6)
        return std::nullopt;
    return dns_name{parts->first.text(), parts->second, code != protocol::dns6,
                    code != protocol::dns4};
}

bool is_dialable(const multiaddr& address) {
    if (const auto e = to_endpoint(address))
        return e->port() != 0 && !e->address().is_unspecified() && !e->address().is_multicast();
    const auto name = to_dns_name(address);
    return name ? name->port != 0 : dnsaddr_name(address).has_value();
}

reach reach_of(const multiaddr& address) {
    const auto e = to_endpoint(address);
    return e ? reach_of(e->address()) : reach::global;
}

std::vector<multiaddr> usable_from(const multiaddr& remote, std::span<const multiaddr> addresses) {
    const auto least = reach_of(remote);
    std::vector<multiaddr> out;
    for (const auto& a : addresses)
        if (reach_of(a) >= least)
            out.push_back(a);
    return out;
}

std::vector<multiaddr> interface_addresses(const ip::tcp::endpoint& listening) {
    if (!listening.address().is_unspecified())
        return {to_multiaddr(listening)};
    ifaddrs* raw = nullptr;
    if (::getifaddrs(&raw) != 0)
        return {};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(raw, &::freeifaddrs);
    std::vector<multiaddr> out;
    for (const auto* i = all.get(); i; i = i->ifa_next) {
        if (!i->ifa_addr || (i->ifa_flags & IFF_UP) == 0)
            continue;
        ip::address host;
        if (i->ifa_addr->sa_family == AF_INET && listening.address().is_v4()) {
            const auto* in = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
            host = ip::address_v4(ntohl(in->sin_addr.s_addr));
        } else if (i->ifa_addr->sa_family == AF_INET6 && listening.address().is_v6()) {
            const auto* in = reinterpret_cast<const sockaddr_in6*>(i->ifa_addr);
            ip::address_v6::bytes_type v6;
            std::memcpy(v6.data(), &in->sin6_addr, v6.size());
            host = ip::address_v6(v6);
            if (host.to_v6().is_link_local())
                continue;
        } else {
            continue;
        }
        out.push_back(to_multiaddr({host, listening.port()}));
    }
    return out;
}

}  // namespace dm::host
